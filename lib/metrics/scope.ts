import { ProfiledError } from '../errors';
import type { HistogramCell } from './instruments';
import type { Counter, Gauge, Histogram, Vec } from './instruments';
import { checkLabelNames, checkMetricName, NO_LABELS, show } from './labels';
import { DEFAULT_BUCKETS, LEVELS, type Naming, NAMING_SCHEMES } from './names';
import { addressLabels, type EndpointAddress, resolveBuckets } from './standard';
import type { MetricStore } from './store';
import type { DefinitionOf } from './family';
import { BoundVec } from './vec';

type Labels = Readonly<Record<string, string>>;

/**
 * Creates metrics that carry one level's labels: none for the runtime, `namespace` for a namespace, and so on down to all three
 * for an endpoint. Asking again for the same name, type, help, labels and buckets gives the same metric.
 *
 * Every `create` method throws PROFILED_METRIC_INVALID for a name or label that Prometheus or the hierarchy forbids, and
 * PROFILED_METRIC_CONFLICT when the name already stands for something else. Under `naming: 'dynamo'` names get the prefix
 * `dynamo_component_`, as Dynamo's own hierarchy does.
 *
 * @example
 * const bytes = endpoint.metrics.createCounter('my_bytes_total', 'Bytes seen by my handler');
 * bytes.inc(42);
 */
export class MetricsScope {
  readonly #store: () => MetricStore;
  readonly #naming: Naming;
  readonly #labels: Labels;

  constructor(store: () => MetricStore, address: Partial<EndpointAddress>, naming: Naming) {
    this.#store = store;
    this.#naming = naming;
    this.#labels = addressLabels(address, naming);
  }

  createCounter(name: string, help: string, labels: Labels = NO_LABELS): Counter {
    return this.#store()
      .family(this.#define('counter', name, help, labels, []))
      .series(this.#merge(labels));
  }

  /** A counter with open labels: `vec.labels({ route: '/a' }).inc()`. */
  createCounterVec<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    labels: Labels = NO_LABELS,
  ): Vec<Counter, L> {
    return this.#cells('counter', name, help, labelNames, labels);
  }

  createGauge(name: string, help: string, labels: Labels = NO_LABELS): Gauge {
    return this.#store()
      .family(this.#define('gauge', name, help, labels, []))
      .series(this.#merge(labels));
  }

  createGaugeVec<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    labels: Labels = NO_LABELS,
  ): Vec<Gauge, L> {
    return this.#cells('gauge', name, help, labelNames, labels);
  }

  /** `buckets` are upper bounds in the unit of the name, ascending, without +Inf. @default 0.005 ... 10 */
  createHistogram(
    name: string,
    help: string,
    labels: Labels = NO_LABELS,
    buckets: readonly number[] = DEFAULT_BUCKETS,
  ): Histogram {
    const definition = this.#define('histogram', name, help, labels, [], resolveBuckets(buckets));
    return this.#store().family(definition).series(this.#merge(labels));
  }

  createHistogramVec<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    labels: Labels = NO_LABELS,
    buckets: readonly number[] = DEFAULT_BUCKETS,
  ): Vec<Histogram, L> {
    const store = this.#store();
    const family = store.family(this.#define('histogram', name, help, labels, labelNames, resolveBuckets(buckets)));
    return new BoundVec<HistogramCell>(family, this.#merge(labels), store, (all) => family.series(all));
  }

  /**
   * Runs `callback` before each scrape, for at most a second, to refresh gauges. One that throws is logged and counted in
   * `profiled_scrape_errors_total`; the scrape goes on with the values of before. Returns what takes it out again.
   */
  addUpdateCallback(callback: () => void | Promise<void>): () => void {
    return this.#store().addUpdateCallback(callback);
  }

  #cells(type: 'counter' | 'gauge', name: string, help: string, labelNames: readonly string[], labels: Labels) {
    const store = this.#store();
    const family = store.family(this.#define(type, name, help, labels, labelNames));
    return new BoundVec(family, this.#merge(labels), store, (all) => family.series(all));
  }

  #merge(labels: Labels): Labels {
    return { ...labels, ...this.#labels };
  }

  #define<T extends 'counter' | 'gauge' | 'histogram'>(
    type: T,
    name: string,
    help: string,
    labels: Labels,
    labelNames: readonly string[],
    buckets?: readonly number[],
  ): DefinitionOf<T> {
    checkMetricName(name);
    checkHelp(name, help);
    checkLabelNames(name, [...Object.keys(labels), ...labelNames], reservedLabels(this.#naming));
    return { type, name: qualifiedName(name, this.#naming), help, labelNames, buckets };
  }
}

/** The name under `naming`: Dynamo's hierarchy puts its prefix before every metric that is created through it. */
export function qualifiedName(name: string, naming: Naming): string {
  const prefix = naming === 'dynamo' ? NAMING_SCHEMES.dynamo.prefix : '';
  return name.startsWith(prefix) ? name : prefix + name;
}

/** The label names that belong to the hierarchy. */
export function reservedLabels(naming: Naming): string[] {
  return LEVELS.map((level) => NAMING_SCHEMES[naming].labels[level]);
}

/** @throws PROFILED_METRIC_INVALID unless `help` is text with something in it */
export function checkHelp(name: string, help: unknown): void {
  if (typeof help !== 'string' || help.trim() === '') {
    throw new ProfiledError('PROFILED_METRIC_INVALID', `metric \`${name}\` needs a \`help\` text, got ${show(help)}`);
  }
}
