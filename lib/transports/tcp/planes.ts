import type { OnRefused, RequestPlane, ResponsePlane } from '../transport';
import { resolveTcpOptions, type TcpOptions } from './options';
import { TcpRequestClient } from './request-client';
import { TcpRequestServer } from './request-server';
import { TcpResponseClient } from './response-client';
import { TcpResponseServer } from './response-server';

/**
 * The request plane of Dynamo over TCP (since 0.7, the default since 0.8). Requests are pipelined on connections that are kept.
 * `onRefused` hears of what the server refuses by itself. @throws PROFILED_CONFIG_INVALID
 */
export function tcpRequestPlane(options?: TcpOptions, onRefused: OnRefused = () => {}): RequestPlane {
  const resolved = resolveTcpOptions(options);
  return { kind: 'tcp', server: new TcpRequestServer(resolved, onRefused), client: new TcpRequestClient(resolved) };
}

/**
 * The response plane of Dynamo over TCP: one connection for each request, opened by its worker.
 * @throws PROFILED_CONFIG_INVALID
 */
export function tcpResponsePlane(options?: TcpOptions): ResponsePlane {
  const resolved = resolveTcpOptions(options);
  return { server: new TcpResponseServer(resolved), client: new TcpResponseClient(resolved) };
}
