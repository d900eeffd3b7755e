import type { Socket } from 'node:net';
import { encodeAcks } from '../../wire/ack-frame';

/** The place of one acknowledgement in the order of its connection. */
interface Place {
  readonly bytes: number;
  ack: Uint8Array | undefined;
}

/**
 * The acknowledgements that a connection owes, in the order in which the requests came: they carry no id, so one that is not
 * known yet holds back those behind it. What is ready at the end of a tick goes out in one write.
 */
export class AckQueue {
  readonly #socket: Socket;
  readonly #onSent: () => void;
  #places: Place[] = [];
  #bytes = 0;
  #isScheduled = false;

  /** `onSent` is called when some have gone out. */
  constructor(socket: Socket, onSent: () => void) {
    this.#socket = socket;
    this.#onSent = onSent;
  }

  /** How many are owed. */
  get length(): number {
    return this.#places.length;
  }

  /** The bytes of the requests that they are owed for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next place, for a request of so many bytes; the function that is returned fills it. Call that once. */
  add(bytes: number): (ack: Uint8Array) => void {
    const place: Place = { bytes, ack: undefined };
    this.#places.push(place);
    this.#bytes += bytes;
    return (ack) => {
      place.ack = ack;
      if (this.#isScheduled || this.#places[0] !== place) return;
      this.#isScheduled = true;
      process.nextTick(() => this.#flush());
    };
  }

  /** Nobody is owed anything any more. */
  clear(): void {
    this.#places = [];
    this.#bytes = 0;
  }

  #flush(): void {
    this.#isScheduled = false;
    const ready: Uint8Array[] = [];
    for (const { ack, bytes } of this.#places) {
      if (!ack) break;
      ready.push(ack);
      this.#bytes -= bytes;
    }
    if (ready.length === 0) return;
    this.#places.splice(0, ready.length);
    if (this.#socket.writable) this.#socket.write(encodeAcks(ready));
    this.#onSent();
  }
}
