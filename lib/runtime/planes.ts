import { Secret } from '../config/secret';
import type { Settings } from '../config/settings';
import type { Discovery } from '../discovery/discovery';
import type * as etcd from '../discovery/etcd/etcd';
import { FileDiscovery } from '../discovery/file';
import { MemoryDiscovery } from '../discovery/memory';
import { PlaneMetrics } from '../ingress/plane-metrics';
import { memoryRequestPlane, memoryResponsePlane } from '../transports/memory/planes';
import type * as nats from '../transports/nats/planes';
import { tcpRequestPlane, tcpResponsePlane } from '../transports/tcp/planes';
import type { OnRefused, RequestPlane, ResponsePlane } from '../transports/transport';
import { loadOptional } from './optional-package';

/** What one runtime talks over. */
export interface Planes {
  readonly request: RequestPlane;
  readonly response: ResponsePlane;
  readonly discovery: Discovery;
}

const REQUEST_PLANES: Readonly<
  Record<Settings['requestPlane'], (settings: Settings) => Pick<Planes, 'request' | 'response'>>
> = {
  memory: () => ({ request: memoryRequestPlane(), response: memoryResponsePlane() }),
  tcp: (settings) => {
    const { host, port, responseHost: _, responsePort: __, ...both } = settings.tcp;
    const onRefused = refusalCounter(settings.metrics);
    return { request: tcpRequestPlane({ ...both, host, port }, onRefused), response: responsesOverTcp(settings) };
  },
  nats: (settings) => {
    const { natsRequestPlane } = loadOptional(
      'DYN_REQUEST_PLANE=nats',
      ['@nats-io/transport-node'],
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- only where it is chosen
      () => require('../transports/nats/planes') as typeof nats,
    );
    return { request: natsRequestPlane(revealed(settings.nats)), response: responsesOverTcp(settings) };
  },
};

function responsesOverTcp({ tcp: { host, port: _, responseHost, responsePort, ...both } }: Settings): ResponsePlane {
  return tcpResponsePlane({ ...both, host: responseHost ?? host, port: responsePort });
}

/** Counts what a request server refuses under the names of the runtime, since no endpoint has seen it. */
function refusalCounter({ naming }: Settings['metrics']): OnRefused {
  const metrics = new PlaneMetrics();
  metrics.rename(naming);
  return (reason) => void (metrics.series().refusals[reason].value += 1);
}

const DISCOVERY_BACKENDS: Readonly<Record<Settings['discoveryBackend'], (settings: Settings) => Discovery>> = {
  mem: () => new MemoryDiscovery(),
  file: ({ fileStore }) => new FileDiscovery({ root: fileStore }),
  etcd: (settings) => {
    const { EtcdDiscovery } = loadOptional(
      'DYN_DISCOVERY_BACKEND=etcd',
      ['@grpc/grpc-js', '@grpc/proto-loader'],
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- only where it is chosen
      () => require('../discovery/etcd/etcd') as typeof etcd,
    );
    return new EtcdDiscovery(revealed(settings.etcd));
  },
};

type Revealed<T> = {
  readonly [K in keyof T]: Exclude<T[K], Secret> | (Extract<T[K], Secret> extends never ? never : string);
};

/** What a plane or a client library takes: no secrets, but their texts. */
function revealed<T extends object>(settings: T): Revealed<T> {
  const entries = Object.entries(settings as Record<string, unknown>).map(([key, value]) => [
    key,
    value instanceof Secret ? value.reveal() : value,
  ]);
  return Object.fromEntries(entries) as Revealed<T>;
}

/**
 * Opens what the settings name. Costs nothing yet: sockets and watches follow on first use. A package that only one of them needs is
 * loaded here. @throws PROFILED_CONFIG_INVALID if it is not installed
 */
export function openPlanes(settings: Settings): Planes {
  const { requestPlane, discoveryBackend } = settings;
  return { ...REQUEST_PLANES[requestPlane](settings), discovery: DISCOVERY_BACKENDS[discoveryBackend](settings) };
}

/** Closes everything: first what makes this process known, then what answers and asks. */
export async function closePlanes({ request, response, discovery }: Planes): Promise<void> {
  await discovery.close();
  await Promise.all([request.server.close(), request.client.close()]);
  await Promise.all([response.server.close(), response.client.close()]);
}
