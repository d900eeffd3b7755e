import { FramePipe } from '../../lib/transports/memory/frame-pipe';
import { hub, type MemoryConnection } from '../../lib/transports/memory/hub';
import { type Deferred, deferred } from '../../lib/internal/deferred';
import type { OnRequest } from '../../lib/transports/transport';
import { decodeConnectionInfo } from '../../lib/wire/connection-info';
import type { Network, Side } from './harness';

/** The network of the memory transport, between hub and sides: what it stalls waits here, what it breaks is broken here. */
export class MemoryNetwork implements Network {
  readonly #pipes = new Set<FramePipe>();
  #stalled: Deferred<void> | undefined;
  #isDown = false;

  constructor(private readonly openSide: () => Side) {}

  open(): Side {
    const { request, response } = this.openSide();
    const serve: typeof request.server.serve = (target, onRequest) =>
      request.server.serve(target, this.#guarded(onRequest));
    const expect: typeof response.server.expect = async (id) => {
      const pending = await response.server.expect(id);
      this.#interpose(decodeConnectionInfo(pending.connectionInfo, id).address);
      return pending;
    };
    return {
      request: { ...request, server: { serve, close: () => request.server.close() } },
      response: { ...response, server: { expect, close: () => response.server.close() } },
    };
  }

  stall(): void {
    this.#stalled = deferred();
  }

  resume(): void {
    this.#stalled?.resolve();
    this.#stalled = undefined;
  }

  async down(): Promise<void> {
    this.#isDown = true;
    for (const pipe of this.#pipes) pipe.break();
    this.#pipes.clear();
  }

  async up(): Promise<void> {
    this.#isDown = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.down();
  }

  #guarded(onRequest: OnRequest): OnRequest {
    return async (payload, headers) => {
      await this.#stalled?.promise;
      if (this.#isDown) throw new Error('the network is down');
      return onRequest(payload, headers);
    };
  }

  #interpose(address: string): void {
    const accept = hub.responseServers.get(address)!;
    hub.responseServers.set(address, (near: MemoryConnection) => {
      const far: MemoryConnection = { toRequester: new FramePipe(), toWorker: new FramePipe() };
      for (const pipe of [near.toRequester, near.toWorker, far.toRequester, far.toWorker]) {
        if (this.#isDown) pipe.break();
        else this.#pipes.add(pipe);
      }
      void this.#pump(near.toRequester, far.toRequester);
      void this.#pump(far.toWorker, near.toWorker);
      accept(far);
    });
  }

  async #pump(from: FramePipe, to: FramePipe): Promise<void> {
    try {
      for (;;) {
        const frame = await from.read();
        await this.#stalled?.promise;
        if (!frame) return to.end();
        await to.write(frame);
      }
    } catch {
      // The reader has left.
      from.break();
    }
  }
}
