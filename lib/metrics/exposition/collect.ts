import type { Registry } from 'prom-client';
import { Deadline, TIMED_OUT } from './deadline';
import type { Labels } from './labels-text';
import type { LiveFamily } from './live/family-text';
import { isWanted } from './name-filter';
import type { CollectedFamily, SampleStyle } from './samples-text';
import { isOurs, type ScrapeFailures } from './scrape-failures';

/** How long a scrape waits for its metrics unless told otherwise, in milliseconds. */
export const COLLECT_TIMEOUT_MS = 1_000;

/** What a scrape asks of a metric: prom-client's own ones, ours, and whatever else someone registered. */
export interface Collectable {
  readonly name: string;
  readonly type?: unknown;
  /** A family of this package is shown so without it. @default false */
  readonly sortLabels?: SampleStyle['sortLabels'];
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

/** Which metrics a scrape asks, and for how long. */
export interface CollectOptions {
  /** Only these metrics are asked: names of families or of their samples. @default all */
  readonly names?: ReadonlySet<string> | undefined;
  /** How long to wait before a metric is left out, in milliseconds; all of them are asked at once. @default 1000 */
  readonly timeoutMs?: number;
}

/** Asks the metrics of `registry` that are wanted, see {@link collect}. */
export function collectFrom(registry: Registry, failures: ScrapeFailures, options: CollectOptions): Promise<Part[]> {
  const { names, timeoutMs = COLLECT_TIMEOUT_MS } = options;
  const wanted = metricsOf(registry).filter(([name, { type }]) => isWanted(names, name, type));
  return collect(wanted, failures, timeoutMs);
}

/**
 * Asks all metrics at once; those that fail or take longer than `timeoutMs` are counted and left out. Of the families whose fields
 * can be read only the update callbacks are waited for, and no longer than that.
 */
async function collect(
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
function metricsOf(registry: Registry): (readonly [string, Collectable])[] {
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

/** Labels that every sample of `registry` has unless it sets them itself. prom-client has no way to ask but its own private field. */
export function defaultLabelsOf(registry: Registry): Labels {
  return (registry as unknown as { readonly _defaultLabels?: Labels })._defaultLabels ?? {};
}
