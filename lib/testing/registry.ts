import { Registry } from 'prom-client';
import { shared, useRegistry } from '../metrics/store';

let replaced: Registry | undefined;

/**
 * Makes an empty registry the current one and returns it, so that each test sees only what it recorded itself. Handlers that
 * were decorated before are bound to it at their next call.
 *
 * @example
 * beforeEach(() => { registry = freshRegistry(); });
 */
export function freshRegistry(): Registry {
  replaced ??= shared.registry;
  const registry = new Registry();
  useRegistry(registry);
  return registry;
}

/** Makes the registry current again that was so before the first {@link freshRegistry}. */
export function restoreRegistry(): void {
  if (replaced) useRegistry(replaced);
  replaced = undefined;
}

/** Takes all metrics of `registry` back to 0; their series and the gauges of what is going on right now stay. */
export function resetMetrics(registry: Registry): void {
  registry.resetMetrics();
}
