import { collectDefaultMetrics, type Registry } from 'prom-client';
import { messageOf } from '../errors';
import { log } from '../internal/logger';

const done = new WeakSet<Registry>();

/**
 * Adds prom-client's metrics of the process (CPU, memory, event loop, GC) to `registry`, once. They are left as they are when
 * someone has added them before, and missing in part when another metric holds one of their names: that is logged, not thrown.
 */
export function addProcessMetrics(registry: Registry): void {
  if (done.has(registry)) return;
  done.add(registry);
  if (collectDefaultMetrics.metricsList.some((name) => registry.getSingleMetric(name))) return;
  try {
    collectDefaultMetrics({ register: registry });
  } catch (error) {
    log.write('error', { err: error }, `some process metrics will be missing from the scrape: ${messageOf(error)}`);
  }
}
