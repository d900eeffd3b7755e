import { collectDefaultMetrics, type Registry } from 'prom-client';
import { messageOf } from '../errors';
import { log } from '../internal/logger';

/** The one that prom-client registers first. */
const FIRST = 'process_cpu_user_seconds_total';

/**
 * Adds prom-client's metrics of the process (CPU, memory, event loop, GC) to `registry` unless they are there. Where another
 * metric holds one of their names, those after it are missing: that is logged, not thrown.
 */
export function addProcessMetrics(registry: Registry): void {
  if (registry.getSingleMetric(FIRST)) return;
  try {
    collectDefaultMetrics({ register: registry });
  } catch (error) {
    log.write('error', { err: error }, `some process metrics will be missing from the scrape: ${messageOf(error)}`);
  }
}
