import type { Settings } from '../config/settings';
import { NAMING_SCHEMES, UPTIME_METRIC } from '../metrics/names';
import { addProcessMetrics } from '../metrics/process-metrics';
import { type getRegistry, storeOf } from '../metrics/store';
import type { Health } from './health';

type Registry = ReturnType<typeof getRegistry>;

/** What {@link prepareScrape} goes by. */
export interface Preparation {
  readonly health: Health;
  readonly settings: Settings;
  readonly processMetrics: boolean;
}

/** Sets the uptime, and adds the metrics of the process if they are wanted. */
export function prepareScrape(registry: Registry, { health, settings, processMetrics }: Preparation): void {
  health.markStarted();
  setUptime(registry, settings, health);
  if (processMetrics || settings.system.processMetrics) addProcessMetrics(registry);
}

function setUptime(registry: Registry, settings: Settings, health: Health): void {
  const { prefix, uptimeLabels } = NAMING_SCHEMES[settings.metrics.naming];
  const { name, help } = UPTIME_METRIC;
  const definition = { name: prefix + name, help, labelNames: [], owner: 'profiled', aggregator: 'max' } as const;
  const family = storeOf(registry).familyOrUnregistered({ type: 'gauge', ...definition });
  const worker =
    settings.metrics.naming === 'dynamo' && health.workerId !== undefined ? { worker_id: health.workerId } : {};
  family.onlySeries({ ...uptimeLabels, ...worker }).set(health.uptimeSeconds());
}
