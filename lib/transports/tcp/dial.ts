import { connect, type Socket } from 'node:net';
import { messageOf, ProfiledError } from '../../errors';
import { type Deferred, deferred } from '../../internal/deferred';
import { formatSocketAddress, type SocketAddress } from './address';
import type { DialGate } from './dial-gate';

/** Finds peers that vanished without a word, such as a machine without power. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

/** As upstream: only a shortage of local ports, which passes, is worth another attempt (protocol, section 2.4). */
const RETRIED_CODE = 'EADDRNOTAVAIL';
const RETRY_MS = 200;

/** One connection on its way to being open. */
export class Dial {
  readonly #to: SocketAddress;
  readonly #opened: Deferred<Socket> = deferred();
  readonly #leave: (() => void) | undefined;
  #limit: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #socket: Socket | undefined;
  #isSettled = false;

  /** With a gate it waits for its turn there; its time limit begins after that. */
  constructor(to: SocketAddress, timeoutMs: number, gate?: DialGate) {
    this.#to = to;
    const start = () => {
      this.#limit = setTimeout(() => this.#fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      this.#attempt();
    };
    if (gate) this.#leave = gate.enter(start);
    else start();
  }

  /** The open socket, with TCP_NODELAY. Its errors are heard; look for `close`. @throws PROFILED_DISCONNECTED */
  get opened(): Promise<Socket> {
    return this.#opened.promise;
  }

  /** Gives up: {@link opened} rejects, unless it has resolved. */
  cancel(): void {
    this.#fail(new Error('it was given up'));
  }

  /** The same if it still waits for its turn; whether it did. */
  cancelIfWaiting(): boolean {
    const isWaiting = !this.#socket;
    if (isWaiting) this.cancel();
    return isWaiting;
  }

  #attempt(): void {
    const socket = (this.#socket = connect({ ...this.#to, ...KEEP_ALIVE, noDelay: true }));
    socket.once('connect', () => {
      this.#settle();
      this.#opened.resolve(socket);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#isSettled) return;
      if (error.code === RETRIED_CODE) this.#retry = setTimeout(() => this.#attempt(), RETRY_MS);
      else this.#fail(error);
    });
  }

  #fail(cause: Error): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#socket?.destroy();
    const message = `${formatSocketAddress(this.#to)} can not be reached: ${messageOf(cause)}`;
    this.#opened.reject(new ProfiledError('PROFILED_DISCONNECTED', message, { cause }));
  }

  #settle(): void {
    this.#isSettled = true;
    clearTimeout(this.#limit);
    clearTimeout(this.#retry);
    this.#leave?.();
  }
}
