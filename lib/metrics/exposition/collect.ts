import type { Registry } from 'prom-client';
import { Deadline, TIMED_OUT } from './deadline';
import type { LiveFamily } from './live/family-text';
import type { CollectedFamily } from './samples-text';
import { isOurs, type ScrapeFailures } from './scrape-failures';

/** What a scrape asks of a metric: prom-client's own ones, ours, and whatever else someone registered. */
export interface Collectable {
  readonly name: string;
  readonly type?: unknown;
  get(): Promise<CollectedFamily>;
  getForPromString?(): Promise<CollectedFamily>;
}

/** One metric of a scrape under the name that it was registered with, and what it gave. */
export interface Part {
  readonly name: string;
  readonly metric: Collectable;
  /** Undefined for a family whose fields are read when it is written. */
  readonly collected: CollectedFamily | undefined;
}

/**
 * Asks all metrics at once; those that fail or take longer than `timeoutMs` are counted and left out. Of the families whose fields
 * can be read only the update callbacks are waited for, and no longer than that.
 */
export async function collect(
  metrics: readonly (readonly [string, Collectable])[],
  failures: ScrapeFailures,
  timeoutMs: number,
): Promise<Part[]> {
  const begun = metrics.map(([, metric]) => ask(metric));
  // Armed after everything was asked: the limit of an update callback, as long as this one, then passes first.
  const deadline = new Deadline(timeoutMs);
  const settled = await Promise.allSettled(begun.map((answer) => deadline.race(answer)));
  deadline.clear();
  return settled.flatMap((outcome, i): Part[] => {
    const [name, metric] = metrics[i]!;
    if (isLive(metric)) return [{ name, metric, collected: undefined }];
    if (outcome.status === 'rejected') failures.count(name, 'error', outcome.reason);
    else if (outcome.value === TIMED_OUT) failures.count(name, 'timeout');
    else if (outcome.value) return [{ name, metric, collected: outcome.value }];
    return [];
  });
}

/** Counters, gauges and histograms of this package. */
export function isLive(metric: object): metric is LiveFamily & Collectable {
  return isOurs(metric) && 'all' in metric && metric.type !== 'summary';
}

async function ask(metric: Collectable): Promise<CollectedFamily | undefined> {
  if (!isLive(metric)) return metric.getForPromString?.() ?? metric.get();
  await metric.refresh();
  return undefined;
}

/** Every metric of `registry` with the name it is registered under. */
export function metricsOf(registry: Registry): (readonly [string, Collectable])[] {
  const metrics = registry.getMetricsAsArray() as unknown as Collectable[];
  return metrics.map((metric) => [registeredName(registry, metric), metric]);
}

/**
 * The name under which `metric` is registered. Each OpenMetrics scrape of prom-client 15 cuts one `_total` off the name that a
 * counter itself has; the registry's key stays, and tells which name belongs to this very object.
 */
function registeredName(registry: Registry, metric: Collectable): string {
  const { name } = metric;
  const candidates = [name, `${name}_total`, `${name}_total_total`];
  return candidates.find((candidate) => registry.getSingleMetric(candidate) === (metric as unknown)) ?? name;
}
