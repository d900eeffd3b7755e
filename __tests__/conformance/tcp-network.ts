import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { formatSocketAddress, parseSocketAddress, splitAddress } from '../../lib/transports/tcp/address';
import type { ResponsePlane, RequestPlane } from '../../lib/transports/transport';
import { decodeConnectionInfo, encodeConnectionInfo } from '../../lib/wire/connection-info';
import type { Network, Side } from './harness';

/** Stands before one listener, at an address of its own, and hands on what comes, as long as it is let. */
class Relay {
  readonly #to: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #opened: Promise<void> | undefined;
  #port = 0;
  #isStalled = false;

  constructor(authority: string) {
    this.#to = parseSocketAddress(authority)!;
  }

  get address(): string {
    return formatSocketAddress({ host: this.#to.host, port: this.#port });
  }

  /** Listens, again at the same address if it did before. */
  async up(): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#join(socket));
    this.#server.listen({ host: this.#to.host, port: this.#port });
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as { port: number }).port;
  }

  /** Once it listens for the first time. */
  get opened(): Promise<void> {
    return (this.#opened ??= this.up());
  }

  async down(): Promise<void> {
    const closed = this.#server?.listening && once(this.#server.close(), 'close');
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  stall(isStalled: boolean): void {
    this.#isStalled = isStalled;
    for (const socket of this.#sockets)
      if (isStalled) socket.pause();
      else socket.resume();
  }

  #join(inward: Socket): void {
    const outward = connect({ ...this.#to, allowHalfOpen: true });
    this.#pump(inward, outward);
    this.#pump(outward, inward);
  }

  #pump(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk: Buffer) => to.write(chunk) || from.pause());
    to.on('drain', () => !this.#isStalled && from.resume());
    from.on('end', () => to.end());
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
    if (this.#isStalled) from.pause();
  }
}

/** Relays before all listeners of sides that `openSide` opens: the addresses that the sides make known are those of the relays. */
export class TcpNetwork implements Network {
  readonly #relays = new Map<string, Relay>();

  constructor(private readonly openSide: () => Side) {}

  open(): Side {
    const { request, response } = this.openSide();
    return { request: this.relayRequests(request), response: this.relayResponses(response) };
  }

  relayRequests({ kind, server, client }: RequestPlane): RequestPlane {
    const serve: typeof server.serve = async (...args) => {
      const { address, stop } = await server.serve(...args);
      const { authority, path } = splitAddress(address);
      return { address: `${await this.#relay(authority)}/${path}`, stop };
    };
    return { kind, client, server: { serve, close: () => server.close() } };
  }

  relayResponses({ server, client }: ResponsePlane): ResponsePlane {
    const expect: typeof server.expect = async (id) => {
      const pending = await server.expect(id);
      const info = decodeConnectionInfo(pending.connectionInfo, id);
      const address = await this.#relay(info.address);
      return { ...pending, connectionInfo: encodeConnectionInfo({ ...info, context: id, address }) };
    };
    return { client, server: { expect, close: () => server.close() } };
  }

  stall(): void {
    for (const relay of this.#relays.values()) relay.stall(true);
  }

  resume(): void {
    for (const relay of this.#relays.values()) relay.stall(false);
  }

  async down(): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay.down()));
  }

  async up(): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay.up()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }

  async #relay(authority: string): Promise<string> {
    let relay = this.#relays.get(authority);
    if (!relay) this.#relays.set(authority, (relay = new Relay(authority)));
    await relay.opened;
    return relay.address;
  }
}
