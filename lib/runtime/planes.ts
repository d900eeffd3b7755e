import type { Settings } from '../config/settings';
import type { Discovery } from '../discovery/discovery';
import { FileDiscovery } from '../discovery/file';
import { MemoryDiscovery } from '../discovery/memory';
import { memoryRequestPlane, memoryResponsePlane } from '../transports/memory/planes';
import { natsRequestPlane } from '../transports/nats/planes';
import { tcpRequestPlane, tcpResponsePlane } from '../transports/tcp/planes';
import type { RequestPlane, ResponsePlane } from '../transports/transport';

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
    return { request: tcpRequestPlane({ ...both, host, port }), response: responsesOverTcp(settings) };
  },
  nats: (settings) => ({ request: natsRequestPlane(settings.nats), response: responsesOverTcp(settings) }),
};

function responsesOverTcp({ tcp: { host, port: _, responseHost, responsePort, ...both } }: Settings): ResponsePlane {
  return tcpResponsePlane({ ...both, host: responseHost ?? host, port: responsePort });
}

const DISCOVERY_BACKENDS: Readonly<Record<Settings['discoveryBackend'], (settings: Settings) => Discovery>> = {
  mem: () => new MemoryDiscovery(),
  file: ({ fileStore }) => new FileDiscovery({ root: fileStore }),
};

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
