import type { RequestPlane, ResponsePlane } from '../transport';
import { MemoryRequestClient } from './request-client';
import { MemoryRequestServer } from './request-server';
import { MemoryResponseClient } from './response-client';
import { MemoryResponseServer } from './response-server';

/** A request plane that reaches every runtime of this process and no other. Real bytes travel; no socket is opened. */
export function memoryRequestPlane(): RequestPlane {
  return { kind: 'memory', server: new MemoryRequestServer(), client: new MemoryRequestClient() };
}

/** A response plane within this process; on the wire it says `tcp_server`, so messages are as long as over TCP. */
export function memoryResponsePlane(): ResponsePlane {
  return { server: new MemoryResponseServer(), client: new MemoryResponseClient() };
}
