import type { Socket } from 'node:net';
import { messageOf, ProfiledError } from '../../errors';
import { AckDecoder } from '../../wire/ack-frame';
import { invalidMessage } from '../../wire/invalid';
import type { Exchange } from './exchange';
import type { ResolvedTcpOptions } from './options';

/** Bytes that may wait in one connection before requests wait for another one. */
const WRITE_AHEAD_BYTES = 2 ** 20;

/** What a connection tells its pool. */
export interface ConnectionEvents {
  /** It may have room again. */
  readonly onRoom: () => void;
  readonly onClose: () => void;
}

/**
 * The client's end of one open connection: requests are pipelined, the acknowledgements come in the same order, which is all that
 * tells them apart. While one is due that its caller has given up, it may be lost: the connection takes no further request then,
 * which would get the acknowledgement of another one.
 */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #options: ResolvedTcpOptions;
  readonly #events: ConnectionEvents;
  readonly #decoder = new AckDecoder();
  readonly #idle: NodeJS.Timeout;
  /** Everything that an acknowledgement is due for, also what nobody waits for any more. */
  readonly #exchanges: Exchange[] = [];
  /** How many of them somebody waits for. */
  #awaited = 0;
  /** Takes no more requests. */
  #isRetired = false;
  #isClosed = false;
  #error: unknown;
  #isCorked = false;

  constructor(socket: Socket, options: ResolvedTcpOptions, events: ConnectionEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#events = events;
    this.#idle = setTimeout(() => this.#awaited === 0 && this.#retire(), options.idleTtlMs).unref();
    socket.unref();
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => events.onRoom());
    socket.once('end', () => (this.#isRetired = true));
    socket.once('error', (error) => (this.#error = error));
    socket.once('close', () => {
      this.destroy(disconnected('the connection ended before the acknowledgement', this.#error));
    });
  }

  /** Requests that are not acknowledged. */
  get load(): number {
    return this.#exchanges.length;
  }

  get hasRoom(): boolean {
    const { maxInFlight } = this.#options;
    const socket = this.#socket;
    const isCertain = this.load === this.#awaited && this.load < maxInFlight;
    return isCertain && !this.#isRetired && socket.writable && socket.writableLength < WRITE_AHEAD_BYTES;
  }

  /** Writes a request. Everything of one tick goes out together. */
  send(exchange: Exchange): void {
    if (this.#awaited++ === 0) this.#socket.ref();
    this.#exchanges.push(exchange);
    // The place of its acknowledgement stays, since it may still come.
    exchange.onAbandoned = () => this.#release();
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    for (const bytes of exchange.takeFrame()) this.#socket.write(bytes);
  }

  /** Ends the connection; what is under way rejects with `error`. Idempotent. */
  destroy(error: ProfiledError): void {
    if (this.#isClosed) return;
    this.#isClosed = this.#isRetired = true;
    clearTimeout(this.#idle);
    this.#socket.destroy();
    for (const exchange of this.#exchanges.splice(0)) exchange.fail(error);
    this.#events.onClose();
  }

  #receive(chunk: Buffer): void {
    this.#decoder.push(chunk);
    try {
      for (let ack = this.#decoder.next(); ack; ack = this.#decoder.next()) this.#settle(ack);
    } catch (error) {
      return this.destroy(disconnected(messageOf(error), error));
    }
    this.#events.onRoom();
  }

  #settle(ack: Uint8Array): void {
    const exchange = this.#exchanges.shift();
    if (!exchange) throw invalidMessage('the worker sent an acknowledgement that nothing was due for');
    if (!exchange.isOpen) return;
    this.#release();
    exchange.resolve(ack);
  }

  #release(): void {
    this.#awaited -= 1;
    if (this.#awaited > 0) return;
    if (this.#isRetired || this.load > 0) return this.#retire();
    this.#socket.unref();
    this.#idle.refresh();
  }

  #retire(): void {
    this.destroy(disconnected('the connection was closed'));
  }
}

function disconnected(message: string, cause?: unknown): ProfiledError {
  return new ProfiledError('PROFILED_DISCONNECTED', message, { cause });
}
