import type { Socket } from 'node:net';
import { messageOf } from '../../errors';
import { refusal } from '../../wire/ack';
import { type RequestFrame, RequestFrameDecoder } from '../../wire/request-frame';
import type { OnRefused, OnRequest, Refusal } from '../transport';
import { AckQueue } from './ack-queue';
import type { ResolvedTcpOptions } from './options';

/** Bytes of acknowledgements that a client may leave unread before its requests are left unread as well. */
const MAX_UNREAD_BYTES = 64 * 1024;

/** How long a connection that is refused may take to read why, in milliseconds: a close with unread input drops what was said. */
const LINGER_MS = 2_000;

/** How much of an unknown path a refusal repeats, in characters. */
const SHOWN_PATH = 256;

/** What the connections of one server share. */
export interface RequestHost {
  readonly options: ResolvedTcpOptions;
  readonly onRefused: OnRefused;
  readonly handlers: ReadonlyMap<string, OnRequest>;
  /** Bytes of requests that are not acknowledged, of all connections together. */
  buffered: number;
  /** Told when a connection has sent something, up to the time that there was a whole request. */
  readonly onHeard: (connection: RequestConnection, isProven: boolean) => void;
}

/** The server's end of one connection of the request plane: requests come in, acknowledgements go out in the same order. */
export class RequestConnection {
  readonly #socket: Socket;
  readonly #host: RequestHost;
  readonly #acks: AckQueue;
  /** Undefined once nothing more is read as requests. */
  #decoder: RequestFrameDecoder | undefined;
  /** Runs while a request has begun and is not complete; later, while the client is let go. */
  #timer: NodeJS.Timeout | undefined;
  /** The request that it runs for, and how many there were. */
  #awaited = 0;
  #requests = 0;
  /** Whether requests that have arrived wait until there is room. */
  #isHeld = false;
  #hasEnded = false;
  /** This connection's part of what its server has buffered. */
  #buffered = 0;

  constructor(socket: Socket, host: RequestHost) {
    this.#socket = socket;
    this.#host = host;
    this.#decoder = new RequestFrameDecoder(host.options.maxMessageBytes);
    this.#acks = new AckQueue(socket, () => this.#resume());
    // What keeps the process alive is the listener.
    socket.unref();
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#resume());
    socket.on('end', () => {
      this.#hasEnded = true;
      this.#work();
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#dropHalf();
      this.#release();
    });
  }

  /** Ends the connection; what the kernel has taken still arrives. */
  close(): void {
    this.#release();
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (!this.#decoder) return;
    const isProven = this.#requests > 0;
    this.#decoder.push(chunk);
    this.#work();
    if (!isProven) this.#host.onHeard(this, this.#requests > 0);
  }

  /** Goes on after a pause. */
  #resume(): void {
    if (!this.#decoder) return this.#finish();
    if (!this.#isHeld || this.#isFull()) return this.#account();
    this.#isHeld = false;
    this.#socket.resume();
    this.#work();
  }

  #work(): void {
    const decoder = this.#decoder;
    if (!decoder) return;
    try {
      while (!this.#isFull()) {
        const frame = decoder.next();
        if (!frame) break;
        this.#take(frame);
      }
    } catch (error) {
      return this.#refuse('invalid', refusal('unavailable', messageOf(error)));
    }
    this.#account();
    if (this.#host.buffered > this.#host.options.maxBufferedBytes) {
      return this.#refuse('overloaded', refusal('overloaded', 'too many bytes of requests are waiting'));
    }
    this.#isHeld = this.#isFull();
    if (this.#isHeld) this.#socket.pause();
    else if (this.#hasEnded) {
      this.#dropHalf();
      return this.#stopReading();
    }
    this.#watch(decoder.buffered > 0 && !this.#isHeld);
  }

  #isFull(): boolean {
    const { maxInFlight, maxMessageBytes } = this.#host.options;
    return (
      this.#acks.length >= maxInFlight ||
      this.#acks.bytes >= maxMessageBytes ||
      this.#socket.writableLength > MAX_UNREAD_BYTES
    );
  }

  #take(frame: RequestFrame): void {
    this.#requests += 1;
    const fill = this.#acks.add(frame.bytes);
    const onRequest = this.#host.handlers.get(frame.path);
    if (onRequest) return void answer(onRequest, frame).then(fill);
    this.#host.onRefused('unknown_endpoint');
    fill(refusal('unavailable', `unknown endpoint ${frame.path.slice(0, SHOWN_PATH)}`));
  }

  /** Gives a request that has begun its time to be completed. */
  #watch(isIncomplete: boolean): void {
    if (this.#timer && isIncomplete && this.#awaited === this.#requests) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!isIncomplete) return;
    const { frameTimeoutMs } = this.#host.options;
    this.#awaited = this.#requests;
    const reason = `the request was not complete after ${frameTimeoutMs} ms`;
    const late = () => this.#refuse('incomplete', refusal('unavailable', reason));
    this.#timer = setTimeout(late, frameTimeoutMs).unref();
  }

  #account(): void {
    const buffered = this.#acks.bytes + (this.#decoder?.buffered ?? 0);
    this.#host.buffered += buffered - this.#buffered;
    this.#buffered = buffered;
  }

  /** Says why after what is owed already, and lets the client go: nothing that it sends is read as a request any more. */
  #refuse(reason: Refusal, ack: Uint8Array): void {
    this.#host.onRefused(reason);
    this.#acks.add(0)(ack);
    this.#stopReading();
    this.#timer = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    this.#socket.resume();
  }

  /** The client has left in the middle of a request. */
  #dropHalf(): void {
    if (this.#decoder && this.#decoder.buffered > 0) this.#host.onRefused('incomplete');
  }

  #stopReading(): void {
    this.#decoder = undefined;
    clearTimeout(this.#timer);
    this.#account();
    this.#finish();
  }

  /** Ends this direction once nothing is owed. */
  #finish(): void {
    this.#account();
    if (this.#acks.length === 0) this.#socket.end();
  }

  #release(): void {
    this.#decoder = undefined;
    clearTimeout(this.#timer);
    this.#acks.clear();
    this.#account();
  }
}

/** The acknowledgement of one request. Never rejects. */
async function answer(onRequest: OnRequest, { payload, headers }: RequestFrame): Promise<Uint8Array> {
  try {
    return await onRequest(payload, headers);
  } catch (error) {
    return refusal('unavailable', messageOf(error));
  }
}
