import { ProfiledError } from '../../errors';
import type { SocketAddress } from './address';
import { ClientConnection } from './client-connection';
import { Dial } from './dial';
import type { DialGate } from './dial-gate';
import type { Exchange } from './exchange';
import type { ResolvedTcpOptions } from './options';

/**
 * The connections of a client to one host and port. A request goes to the connection with the fewest others under way; while
 * none has room, requests wait in order, and connections are added up to the size of the pool.
 */
export class HostPool {
  readonly #to: SocketAddress;
  readonly #options: ResolvedTcpOptions;
  readonly #gate: DialGate;
  readonly #onEmpty: () => void;
  readonly #connections = new Set<ClientConnection>();
  readonly #dials = new Set<Dial>();
  readonly #waiting = new Set<Exchange>();
  #isClosed = false;

  /** `gate` holds back dials; `onEmpty` is called when it has no connection and nothing to do. */
  constructor(to: SocketAddress, options: ResolvedTcpOptions, gate: DialGate, onEmpty: () => void) {
    this.#to = to;
    this.#options = options;
    this.#gate = gate;
    this.#onEmpty = onEmpty;
  }

  send(exchange: Exchange): void {
    const connection = this.#waiting.size === 0 ? this.#leastLoaded() : undefined;
    if (connection) return connection.send(exchange);
    this.#waiting.add(exchange);
    exchange.onAbandoned = () => this.#abandon(exchange);
    this.#grow();
  }

  /** Ends all connections; what is under way rejects with `error`. */
  close(error: ProfiledError): void {
    this.#isClosed = true;
    for (const dial of this.#dials) dial.cancel();
    this.#fail(error);
    for (const connection of this.#connections) connection.destroy(error);
  }

  #abandon(exchange: Exchange): void {
    this.#waiting.delete(exchange);
    if (this.#waiting.size > 0) return;
    for (const dial of this.#dials) if (dial.cancelIfWaiting()) this.#dials.delete(dial);
  }

  #leastLoaded(): ClientConnection | undefined {
    let best: ClientConnection | undefined;
    for (const connection of this.#connections) {
      if (connection.hasRoom && (!best || connection.load < best.load)) best = connection;
    }
    return best;
  }

  /** Gives those that wait to connections with room. */
  #serve(): void {
    for (const exchange of this.#waiting) {
      const connection = this.#leastLoaded();
      if (!connection) break;
      this.#waiting.delete(exchange);
      connection.send(exchange);
    }
    this.#grow();
  }

  /** Opens as many connections as those that wait will fill. */
  #grow(): void {
    const { poolSize, maxInFlight } = this.#options;
    const fits = () => this.#connections.size + this.#dials.size < poolSize;
    while (!this.#isClosed && this.#waiting.size > this.#dials.size * maxInFlight && fits()) void this.#dial();
  }

  async #dial(): Promise<void> {
    const dial = new Dial(this.#to, this.#options.connectTimeoutMs, this.#gate);
    this.#dials.add(dial);
    try {
      const socket = await dial.opened;
      this.#dials.delete(dial);
      const connection: ClientConnection = new ClientConnection(socket, this.#options, {
        onRoom: () => this.#waiting.size > 0 && this.#serve(),
        onClose: () => this.#drop(connection),
      });
      this.#connections.add(connection);
      if (this.#isClosed) connection.destroy(new ProfiledError('PROFILED_SHUTDOWN', 'the request client is closed'));
      else this.#serve();
    } catch (error) {
      this.#dials.delete(dial);
      // Those that wait may yet be served by another connection; with none at all they need not wait.
      if (this.#connections.size + this.#dials.size === 0) this.#fail(error as ProfiledError);
      this.#checkEmpty();
    }
  }

  #drop(connection: ClientConnection): void {
    this.#connections.delete(connection);
    this.#grow();
    this.#checkEmpty();
  }

  #fail(error: ProfiledError): void {
    for (const exchange of this.#waiting) exchange.fail(error);
    this.#waiting.clear();
  }

  #checkEmpty(): void {
    if (this.#connections.size + this.#dials.size + this.#waiting.size === 0) this.#onEmpty();
  }
}
