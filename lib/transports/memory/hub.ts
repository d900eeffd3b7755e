import type { OnRequest } from '../transport';
import type { FramePipe } from './frame-pipe';

/** A connection in memory: one pipe each way. */
export interface MemoryConnection {
  readonly toRequester: FramePipe;
  readonly toWorker: FramePipe;
}

/** The "network" of the memory transport: who listens at which address of this process. */
export interface MemoryHub {
  /** Request handlers by address. */
  readonly targets: Map<string, OnRequest>;
  /** Response servers by address; each takes connections whose handshake has not been read. */
  readonly responseServers: Map<string, (connection: MemoryConnection) => void>;
}

const HUB = Symbol.for('profiled/memory-hub@1');

/** The one hub of the process, so that two runtimes, even of two copies of the package, reach each other. */
export const hub: MemoryHub = ((globalThis as Record<symbol, unknown>)[HUB] ??= {
  targets: new Map(),
  responseServers: new Map(),
} satisfies MemoryHub) as MemoryHub;
