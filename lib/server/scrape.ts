import type { Settings } from '../config/settings';
import { COLLECT_TIMEOUT_MS, renderText } from '../metrics/exposition/render';
import { NAMING_SCHEMES, UPTIME_METRIC } from '../metrics/names';
import { addProcessMetrics } from '../metrics/process-metrics';
import { getRegistry, storeOf } from '../metrics/store';
import type { Health } from './health';

type Registry = ReturnType<typeof getRegistry>;

/** The share of Prometheus' own time limit that collecting may take; the rest is for the way there and back. */
const TIMEOUT_SHARE = 0.8;

/** What a scrape needs to know. */
export interface ScrapeOptions {
  /** @default the shared one, whichever is current when the scrape begins */
  readonly registry?: Registry | undefined;
  readonly health: Health;
  readonly settings: Settings;
}

/** One scrape: binds what is decorated, sets the uptime, collects. @param limitSeconds Prometheus' time limit, if it told it */
export function scrape(
  { registry = getRegistry(), health, settings }: ScrapeOptions,
  limitSeconds = NaN,
): Promise<string> {
  setUptime(registry, settings, health);
  if (settings.system.processMetrics) addProcessMetrics(registry);
  const limitMs = limitSeconds > 0 ? limitSeconds * 1_000 * TIMEOUT_SHARE : Infinity;
  return renderText(registry, { timeoutMs: Math.min(COLLECT_TIMEOUT_MS, limitMs) });
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
