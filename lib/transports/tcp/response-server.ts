import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { messageOf, ProfiledError } from '../../errors';
import { type Deferred, deferred } from '../../internal/deferred';
import { log } from '../../internal/logger';
import { encodeConnectionInfo } from '../../wire/connection-info';
import type { Handshake } from '../../wire/response-frames';
import type { TwoPartDecoder } from '../../wire/two-part';
import type { PendingResponse, ResponseReceiver, ResponseServer } from '../transport';
import { Callee } from './handshake';
import { Listener } from './listener';
import type { ResolvedTcpOptions } from './options';
import { TcpResponseReceiver } from './response-receiver';

/** Takes the responses of this process' requests on one listening socket, told apart by the subject of the handshake. */
export class TcpResponseServer implements ResponseServer {
  readonly #options: ResolvedTcpOptions;
  readonly #listener: Listener;
  readonly #pending = new Map<string, Deferred<ResponseReceiver>>();
  /** Connections whose handshake is awaited, the oldest first. */
  readonly #callees = new Set<Callee>();
  readonly #open = new Set<TcpResponseReceiver>();
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedTcpOptions) {
    this.#options = options;
    this.#listener = new Listener({
      name: 'the TCP response server',
      host: options.host,
      port: options.port,
      allowHalfOpen: false,
      onConnection: (socket) => this.#accept(socket),
    });
  }

  async expect(contextId: string): Promise<PendingResponse> {
    this.#checkOpen();
    const address = await this.#listener.listen();
    this.#checkOpen();
    const subject = randomUUID();
    const connected = deferred<ResponseReceiver>();
    // Whoever cancels may not have looked at it.
    connected.promise.catch(() => {});
    this.#pending.set(subject, connected);
    this.#listener.hold(true);
    return {
      connectionInfo: encodeConnectionInfo({ address, subject, context: contextId, streamType: 'response' }),
      connected: connected.promise,
      cancel: (reason) => {
        this.#forget(subject);
        connected.reject(reason);
      },
    };
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const closed = this.#listener.close();
    for (const connected of this.#pending.values()) connected.reject(closedError());
    this.#pending.clear();
    for (const callee of this.#callees) callee.refuse();
    for (const receiver of this.#open) receiver.close();
    await closed;
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #forget(subject: string): void {
    this.#pending.delete(subject);
    // With nothing to wait for, listening is no reason for the process to stay.
    if (this.#pending.size === 0) this.#listener.hold(false);
  }

  #accept(socket: Socket): void {
    if (this.#closed) return void socket.destroy();
    const callee: Callee = new Callee(socket, this.#options, {
      onHandshake: (handshake, decoder) => this.#connect(handshake, socket, decoder),
      onFailure: (error) => log.write('warn', { err: error }, `a response connection was closed: ${messageOf(error)}`),
      onEnd: () => this.#callees.delete(callee),
    });
    this.#callees.add(callee);
    if (this.#callees.size <= this.#options.maxHandshakes) return;
    const [oldest] = this.#callees;
    oldest!.refuse();
  }

  #connect({ subject, streamType }: Handshake, socket: Socket, decoder: TwoPartDecoder): void {
    const connected = this.#pending.get(subject);
    if (!connected || streamType !== 'response') return void socket.destroy();
    this.#forget(subject);
    const receiver: TcpResponseReceiver = new TcpResponseReceiver(socket, decoder, () => this.#open.delete(receiver));
    this.#open.add(receiver);
    connected.resolve(receiver);
  }
}

function closedError(): ProfiledError {
  return new ProfiledError('PROFILED_SHUTDOWN', 'the response server is closed');
}
