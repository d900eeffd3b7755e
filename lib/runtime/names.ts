import { ProfiledError } from '../errors';
import { show } from '../metrics/labels';
import type { EndpointAddress } from '../metrics/standard';

const NAME = /^[A-Za-z0-9_-]+$/;
const NAMESPACE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const SCHEME = 'dyn://';

/**
 * Checks one name of an address. Letters, digits, `_` and `-`; a namespace may consist of several such names with dots between.
 * Dynamo means names to be lower case: over NATS, which writes them so, one with capitals can't be reached.
 * @throws PROFILED_TARGET_INVALID
 */
export function checkName(level: 'namespace' | 'component' | 'endpoint', name: unknown): string {
  const pattern = level === 'namespace' ? NAMESPACE : NAME;
  if (typeof name === 'string' && pattern.test(name)) return name;
  throw new ProfiledError('PROFILED_TARGET_INVALID', `\`${level}\` must match ${pattern.source}, got ${show(name)}`);
}

/**
 * Reads `namespace.component.endpoint`, with or without `dyn://` before it. The last two names are component and endpoint, what
 * is before them is the namespace, dots included. @throws PROFILED_TARGET_INVALID
 */
export function parseEndpointPath(path: string): EndpointAddress {
  const names = typeof path === 'string' ? (path.startsWith(SCHEME) ? path.slice(SCHEME.length) : path).split('.') : [];
  if (names.length < 3) {
    throw new ProfiledError(
      'PROFILED_TARGET_INVALID',
      `an endpoint's path must be 'namespace.component.endpoint', got ${show(path)}`,
    );
  }
  const [component, endpoint] = names.splice(-2);
  return {
    namespace: checkName('namespace', names.join('.')),
    component: checkName('component', component),
    endpoint: checkName('endpoint', endpoint),
  };
}
