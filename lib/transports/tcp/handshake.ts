import type { Socket } from 'node:net';
import { ProfiledError } from '../../errors';
import { invalidMessage } from '../../wire/invalid';
import { decodeHandshake, type Handshake } from '../../wire/response-frames';
import { decodeTwoPart, TwoPartDecoder } from '../../wire/two-part';
import type { ResolvedTcpOptions } from './options';

/** How much may be received without there being a handshake; one has about a hundred bytes. */
const MAX_HANDSHAKE_BYTES = 64 * 1024;

/** What becomes of a {@link Callee}. */
export interface CalleeEvents {
  /** It has introduced itself. The socket has no listeners any more, and `decoder` holds what came after the handshake. */
  readonly onHandshake: (handshake: Handshake, decoder: TwoPartDecoder) => void;
  /** It was closed because it did not, for this reason. */
  readonly onFailure: (error: unknown) => void;
  /** One of the two is about to be called, or it has left or was refused. */
  readonly onEnd: () => void;
}

/** A connection that somebody has opened to the response server, until its handshake is there. */
export class Callee {
  readonly #socket: Socket;
  readonly #events: CalleeEvents;
  readonly #decoder: TwoPartDecoder;
  readonly #limit: NodeJS.Timeout;

  constructor(
    socket: Socket,
    { handshakeTimeoutMs, maxMessageBytes }: Pick<ResolvedTcpOptions, 'handshakeTimeoutMs' | 'maxMessageBytes'>,
    events: CalleeEvents,
  ) {
    this.#socket = socket;
    this.#events = events;
    this.#decoder = new TwoPartDecoder(maxMessageBytes);
    const late = () =>
      this.#fail(new ProfiledError('PROFILED_TIMEOUT', `no handshake within ${handshakeTimeoutMs} ms`));
    this.#limit = setTimeout(late, handshakeTimeoutMs).unref();
    // Until it is known what it is for, it is no reason for the process to stay.
    socket.unref();
    socket.on('error', () => {});
    socket.on('data', this.#onData);
    socket.on('close', this.#onClose);
  }

  /** Closes the connection without a word. */
  refuse(): void {
    this.#end();
    this.#socket.destroy();
  }

  readonly #onClose = (): void => this.#end();

  readonly #onData = (chunk: Buffer): void => {
    let handshake: Handshake;
    try {
      this.#decoder.push(chunk);
      const frame = this.#decoder.nextFrame();
      if ((frame ?? chunk).length > MAX_HANDSHAKE_BYTES || (!frame && this.#decoder.buffered > MAX_HANDSHAKE_BYTES)) {
        throw invalidMessage('it began with no handshake');
      }
      if (!frame) return;
      handshake = decodeHandshake(decodeTwoPart(frame));
    } catch (error) {
      return this.#fail(error);
    }
    this.#end();
    this.#socket.ref();
    this.#events.onHandshake(handshake, this.#decoder);
  };

  #fail(error: unknown): void {
    this.refuse();
    this.#events.onFailure(error);
  }

  #end(): void {
    clearTimeout(this.#limit);
    this.#socket.off('data', this.#onData);
    this.#socket.off('close', this.#onClose);
    this.#events.onEnd();
  }
}
