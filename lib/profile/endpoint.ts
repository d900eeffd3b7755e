import 'reflect-metadata';
import { ProfiledError } from '../errors';
import { show } from '../metrics/labels';
import type { EndpointAddress } from '../metrics/standard';
import type { RecorderOptions } from './recorder';

/** What `@Profiled` or `profiled` said of a handler. */
export interface ProfiledEndpoint {
  readonly address: EndpointAddress;
  readonly options: RecorderOptions;
}

/** The key of the Reflect metadata; a registered symbol, so that two copies of the package understand each other. */
const ENDPOINT_KEY = Symbol.for('profiled/endpoint@1');

/** Notes the endpoint on a prototype or an instance. */
export function defineEndpoint(on: object, endpoint: ProfiledEndpoint): void {
  Reflect.defineMetadata(ENDPOINT_KEY, endpoint, on);
}

/** What was said of the handler itself, of its class or of the nearest parent class; undefined if nothing was. */
export function endpointOf(handler: object): ProfiledEndpoint | undefined {
  return Reflect.getMetadata(ENDPOINT_KEY, handler) as ProfiledEndpoint | undefined;
}

/** What was said of exactly this object, its prototypes left out. */
export function ownEndpointOf(on: object): ProfiledEndpoint | undefined {
  return Reflect.getOwnMetadata(ENDPOINT_KEY, on) as ProfiledEndpoint | undefined;
}

/** Checks the three names. @throws PROFILED_TARGET_INVALID naming the one that is wrong */
export function checkAddress(address: EndpointAddress): EndpointAddress {
  const { namespace, component, endpoint } = address;
  for (const [level, name] of Object.entries({ namespace, component, endpoint })) {
    if (typeof name === 'string' && name.trim() !== '') continue;
    throw new ProfiledError(
      'PROFILED_TARGET_INVALID',
      `\`${level}\` must be a name with something in it, got ${show(name)}`,
    );
  }
  return Object.freeze({ namespace, component, endpoint });
}
