import { loadSettings } from '../config/settings';
import { checkOptionNames } from '../metrics/labels';
import { autoStart } from './auto-start';
import { joinWorkers } from './workers/workers';

/** Options of {@link aggregateWorkers}. */
export interface AggregateOptions {
  /**
   * Shows each worker's series by themselves, with a label of this name that says whose they are; `true` stands for `'worker'`. Counters of
   * a worker that is gone then go too. @default DYN_SYSTEM_WORKER_LABEL, else false: series with the same labels are put together
   */
  readonly workerLabel?: boolean | string;
}

/**
 * Makes a scrape show the metrics of all workers of a `node:cluster` and all `worker_threads`, whichever of them answers it. To be called
 * in the primary or the main thread, before it starts others: they need do nothing but load this package and measure something with it.
 * `DYN_SYSTEM_AGGREGATE_WORKERS=true` is the same without a call. Only the shared registry is put together.
 *
 * @example
 * if (cluster.isPrimary) {
 *   aggregateWorkers();
 *   for (let i = 0; i < availableParallelism(); i++) cluster.fork();
 * }
 * @throws PROFILED_CONFIG_INVALID for a label that Prometheus forbids
 */
export function aggregateWorkers(options: AggregateOptions = {}): void {
  checkOptionNames('aggregateWorkers', options, ['workerLabel']);
  const { workerLabel: wanted } = options;
  const label = wanted === true ? 'worker' : wanted === false ? undefined : wanted;
  const { workerLabel } = loadSettings({ system: { workerLabel: label } }).system;
  joinWorkers().activate(wanted === false ? undefined : workerLabel);
  autoStart();
}
