import type { RequestPlane } from '../transport';
import { NatsLink } from './link';
import { type NatsOptions, resolveNatsOptions } from './options';
import { NatsRequestClient } from './request-client';
import { NatsRequestServer } from './request-server';

/**
 * The request plane of Dynamo over a NATS server. Both halves share a connection, which keeps the process alive from its first use
 * until both are closed. Responses do not come this way: a response plane of TCP belongs beside it.
 * @throws PROFILED_CONFIG_INVALID
 */
export function natsRequestPlane(options?: NatsOptions): RequestPlane {
  const link = new NatsLink(resolveNatsOptions(options), 2);
  return { kind: 'nats_tcp', server: new NatsRequestServer(link), client: new NatsRequestClient(link) };
}
