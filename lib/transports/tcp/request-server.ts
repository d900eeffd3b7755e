import type { Socket } from 'node:net';
import { ProfiledError } from '../../errors';
import { log } from '../../internal/logger';
import type { OnRefused, OnRequest, RequestServer, ServedTarget, ServeTarget } from '../transport';
import { pathOf } from './address';
import { Listener } from './listener';
import type { ResolvedTcpOptions } from './options';
import { RequestConnection, type RequestHost } from './request-connection';

/** The longest path that a frame can carry, in bytes. */
const MAX_PATH_BYTES = 65_535;

/** Serves all targets of a process on one listening socket, told apart by their paths. */
export class TcpRequestServer implements RequestServer {
  readonly #handlers = new Map<string, OnRequest>();
  readonly #connections = new Set<RequestConnection>();
  /** Those of them that have not sent a whole request, the longest silent first. */
  readonly #unproven = new Set<RequestConnection>();
  readonly #host: RequestHost;
  readonly #listener: Listener;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedTcpOptions, onRefused: OnRefused) {
    this.#host = {
      options,
      onRefused,
      handlers: this.#handlers,
      buffered: 0,
      onHeard: (connection, isProven) => {
        if (this.#unproven.delete(connection) && !isProven) this.#unproven.add(connection);
      },
    };
    this.#listener = new Listener({
      name: 'the TCP request server',
      host: options.host,
      port: options.port,
      // A client may end its direction and still wait for its acknowledgements.
      allowHalfOpen: true,
      onConnection: (socket) => this.#accept(socket),
    });
  }

  async serve(target: ServeTarget, onRequest: OnRequest): Promise<ServedTarget> {
    const path = pathOf(target);
    this.#checkOpen(path);
    if (this.#handlers.has(path)) throw new ProfiledError('PROFILED_TARGET_INVALID', `${path} is already served`);
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
      throw new ProfiledError('PROFILED_TARGET_INVALID', `a path can have ${MAX_PATH_BYTES} bytes, this one has more`);
    }
    this.#handlers.set(path, onRequest);
    this.#listener.hold(true);
    const stop = async () => this.#remove(path, onRequest);
    try {
      const address = `${await this.#listener.listen()}/${path}`;
      this.#checkOpen(path);
      return { address, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  #checkOpen(path: string): void {
    if (this.#closed) throw new ProfiledError('PROFILED_SHUTDOWN', `${path} can not be served: the server is closed`);
  }

  async #close(): Promise<void> {
    this.#handlers.clear();
    const closed = this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await closed;
  }

  #accept(socket: Socket): void {
    const connection = new RequestConnection(socket, this.#host);
    this.#connections.add(connection);
    this.#unproven.add(connection);
    socket.once('close', () => this.#forget(connection));
    if (this.#closed) connection.close();
    else if (this.#connections.size > this.#host.options.maxConnections) this.#makeRoom();
  }

  /** At the expense of the one that was silent for longest, which is the newest if all others have sent requests. */
  #makeRoom(): void {
    const [silent] = this.#unproven;
    silent!.close();
    this.#forget(silent!);
    log.write('warn', {}, 'the TCP request server: a connection too many was closed');
  }

  #forget(connection: RequestConnection): void {
    this.#connections.delete(connection);
    this.#unproven.delete(connection);
  }

  #remove(path: string, onRequest: OnRequest): void {
    if (this.#handlers.get(path) !== onRequest) return;
    this.#handlers.delete(path);
    if (this.#handlers.size === 0) this.#listener.hold(false);
  }
}
