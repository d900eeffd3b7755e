import type { Settings } from '../config/settings';
import type { Discovery } from '../discovery/discovery';
import { MemoryDiscovery } from '../discovery/memory';
import { memoryRequestPlane, memoryResponsePlane } from '../transports/memory/planes';
import type { RequestPlane, ResponsePlane } from '../transports/transport';

/** What one runtime talks over. */
export interface Planes {
  readonly request: RequestPlane;
  readonly response: ResponsePlane;
  readonly discovery: Discovery;
}

const REQUEST_PLANES: Readonly<Record<Settings['requestPlane'], () => Pick<Planes, 'request' | 'response'>>> = {
  memory: () => ({ request: memoryRequestPlane(), response: memoryResponsePlane() }),
};

const DISCOVERY_BACKENDS: Readonly<Record<Settings['discoveryBackend'], () => Discovery>> = {
  mem: () => new MemoryDiscovery(),
};

/** Opens what the settings name. Costs nothing yet: sockets and watches follow on first use. */
export function openPlanes({ requestPlane, discoveryBackend }: Settings): Planes {
  return { ...REQUEST_PLANES[requestPlane](), discovery: DISCOVERY_BACKENDS[discoveryBackend]() };
}

/** Closes everything: first what makes this process known, then what answers and asks. */
export async function closePlanes({ request, response, discovery }: Planes): Promise<void> {
  await discovery.close();
  await Promise.all([request.server.close(), request.client.close()]);
  await Promise.all([response.server.close(), response.client.close()]);
}
