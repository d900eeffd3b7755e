import type { NatsServer } from '../support/nats-server';
import type { Network, Side } from './harness';
import { TcpNetwork } from './tcp-network';

/** A NATS server's process, and relays before the connections of the responses. */
export class BrokerNetwork implements Network {
  readonly #responses: TcpNetwork;

  constructor(
    private readonly openSide: () => Side,
    private readonly server: NatsServer,
  ) {
    this.#responses = new TcpNetwork(openSide);
  }

  open(): Side {
    const side = this.openSide();
    return { ...side, response: this.#responses.relayResponses(side.response) };
  }

  stall(): void {
    this.server.signal('SIGSTOP');
    this.#responses.stall();
  }

  resume(): void {
    this.server.signal('SIGCONT');
    this.#responses.resume();
  }

  async down(): Promise<void> {
    await Promise.all([this.server.kill(), this.#responses.down()]);
  }

  async up(): Promise<void> {
    await Promise.all([this.server.restart(), this.#responses.up()]);
  }

  /** Leaves the server as it was, for the next test. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await this.server.restart();
  }
}
