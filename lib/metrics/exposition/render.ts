import type { Registry } from 'prom-client';
import { Deadline, TIMED_OUT } from './deadline';
import { isOurs, ScrapeFailures } from './scrape-failures';
import { bodyText, type CollectedFamily, familyText, type Labels } from './text';

/** How long a scrape waits for its metrics unless told otherwise, in milliseconds. */
export const COLLECT_TIMEOUT_MS = 1_000;

/** Options of {@link renderText}. */
export interface RenderOptions {
  /** How long to wait before a metric is left out, in milliseconds; all of them are asked at once. @default 1000 */
  readonly timeoutMs?: number;
}

/** What a scrape asks of a metric: prom-client's own ones, ours, and whatever else someone registered. */
interface Collectable {
  readonly name: string;
  readonly type?: unknown;
  get(): Promise<CollectedFamily>;
  getForPromString?(): Promise<CollectedFamily>;
}

/**
 * Every metric of `registry` in the text format 0.0.4, byte for byte as `registry.metrics()` writes it, except that
 *
 * - a metric that fails or takes too long costs only itself: it is logged and counted in `profiled_scrape_errors_total`;
 * - counters have the names they were registered with, whatever an OpenMetrics scrape did to them;
 * - labels of this package's families are in alphabetical order, `le` and `quantile` last;
 * - the format is this one even if the registry's content type is another.
 *
 * Nothing of the registry is changed but that counter. Never rejects because of a metric.
 */
export async function renderText(registry: Registry, options: RenderOptions = {}): Promise<string> {
  const failures = new ScrapeFailures(registry);
  const defaultLabels = defaultLabelsOf(registry);
  const metrics = registry.getMetricsAsArray() as unknown as Collectable[];
  const begun = metrics.map((metric) =>
    failures.is(metric) ? Promise.resolve('') : collectText(registry, metric, defaultLabels),
  );
  // Armed after everything was asked: the limit of an update callback, as long as this one, then passes first.
  const deadline = new Deadline(options.timeoutMs ?? COLLECT_TIMEOUT_MS);
  const settled = await Promise.allSettled(begun.map((text) => deadline.race(text)));
  deadline.clear();
  const texts = settled.map((outcome, i) => textOf(outcome, metrics[i]!.name, failures));
  // Written last, so that a scrape shows its own failures.
  const own = metrics.findIndex((metric) => failures.is(metric));
  if (own >= 0) texts[own] = familyText(failures.collect(), { defaultLabels, sortLabels: true });
  return bodyText(texts.filter((text) => text !== undefined));
}

async function collectText(registry: Registry, metric: Collectable, defaultLabels: Labels): Promise<string> {
  const name = registeredName(registry, metric);
  const family = await (metric.getForPromString?.() ?? metric.get());
  // Only counters are ever renamed; any other metric may well call its family something else than itself.
  const named = metric.type === 'counter' ? { ...family, name } : family;
  return familyText(named, { defaultLabels, sortLabels: isOurs(metric) });
}

type Outcome = PromiseSettledResult<string | typeof TIMED_OUT>;

function textOf(outcome: Outcome, metric: string, failures: ScrapeFailures): string | undefined {
  if (outcome.status === 'rejected') failures.count(metric, 'error', outcome.reason);
  else if (outcome.value === TIMED_OUT) failures.count(metric, 'timeout');
  else return outcome.value;
  return undefined;
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

/** prom-client has no way to ask for these but its own private field. */
function defaultLabelsOf(registry: Registry): Labels {
  return (registry as unknown as { readonly _defaultLabels?: Labels })._defaultLabels ?? {};
}
