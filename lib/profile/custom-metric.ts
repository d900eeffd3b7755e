import { ProfiledError } from '../errors';
import type { Counter, Gauge, Histogram } from '../metrics/instruments';
import { METRIC_TYPES, type MetricType } from '../metrics/family';
import { checkLabelNames, checkMetricName, checkOptionNames, show } from '../metrics/labels';
import { DEFAULT_BUCKETS, type Naming } from '../metrics/names';
import { checkHelp, qualifiedName, reservedLabels } from '../metrics/scope';
import { resolveBuckets } from '../metrics/standard';
import type { MetricStore } from '../metrics/store';
import { BoundVec } from '../metrics/vec';
import type { Outcome } from './outcome';

/** What is known of a request at the moment when a custom metric is recorded. */
export interface MetricEvent {
  /** The data of a `SingleIn`, or else the first argument of the call. */
  readonly request: unknown;
  /** The item at hand; only `on: 'item'`. */
  readonly item: unknown;
  /** What was thrown or carried by an error item, once the request has failed. */
  readonly error: unknown;
  /** How the request ended; only `on: 'end'` and `on: 'error'`. */
  readonly outcome: Outcome | undefined;
  /** Seconds since the call; only `on: 'end'`. */
  readonly durationSeconds: number | undefined;
  /** Items handed on so far. */
  readonly itemCount: number;
  /** The `this` of the call. */
  readonly handler: unknown;
}

/** The moments at which a custom metric can be recorded. */
export const METRIC_MOMENTS = ['request', 'item', 'end', 'error'] as const;
export type MetricMoment = (typeof METRIC_MOMENTS)[number];

/** A metric of your own beside the standard ones. */
export interface CustomMetricOptions {
  /** A counter adds `value`, a gauge is set to it, a histogram or summary observes it. */
  readonly type: MetricType;
  /** A valid Prometheus name; counters should end in `_total`. */
  readonly name: string;
  readonly help: string;
  /** When to record: on arrival, for each item, once at the end whatever the outcome, once on failure. @default 'request' */
  readonly on?: MetricMoment;
  /** The number to record. If it throws, or gives no number, that one sample is dropped and counted. @default 1 */
  readonly value?: (event: MetricEvent) => number;
  /**
   * Labels taken from the request. The first call fixes the label names; a label keeps at most 100 distinct values, the rest
   * become `__other__`. Costs a look-up a sample. @default none
   */
  readonly labels?: (event: MetricEvent) => Readonly<Record<string, unknown>>;
  /** Upper bounds of a histogram in the unit of its name, ascending. @default 0.005 ... 10 */
  readonly buckets?: readonly number[];
}

/** Checks what can be checked without a registry. @throws PROFILED_METRIC_INVALID, PROFILED_CONFIG_INVALID */
export function checkCustomMetric(options: CustomMetricOptions): void {
  checkOptionNames('@CustomMetric', options, ['type', 'name', 'help', 'on', 'value', 'labels', 'buckets']);
  const { type, name, help, on, value, labels, buckets } = options;
  checkMetricName(name);
  checkHelp(name, help);
  const expect = (what: string, expected: string, got: unknown): never => {
    throw new ProfiledError(
      'PROFILED_METRIC_INVALID',
      `${what} of metric \`${name}\` must be ${expected}, got ${show(got)}`,
    );
  };
  if (!METRIC_TYPES.includes(type)) expect('`type`', `one of ${METRIC_TYPES.join(', ')}`, type);
  if (on !== undefined && !METRIC_MOMENTS.includes(on)) expect('`on`', `one of ${METRIC_MOMENTS.join(', ')}`, on);
  if (value !== undefined && typeof value !== 'function') expect('`value`', 'a function of the event', value);
  if (labels !== undefined && typeof labels !== 'function') expect('`labels`', 'a function of the event', labels);
  if (buckets !== undefined && type !== 'histogram')
    expect('`buckets`', 'left out unless the type is histogram', buckets);
  if (buckets !== undefined) resolveBuckets(buckets);
}

/** A series of any of the four types; `type` says which of the methods it has. */
interface Series extends Pick<Counter, 'inc'>, Pick<Gauge, 'set'>, Pick<Histogram, 'observe'> {
  reset(): void;
}

/** A custom metric in one registry, with the labels of one endpoint. Recording never throws. */
export class CustomMetric {
  readonly on: MetricMoment;
  /** Whether a callback looks at what is recorded. */
  readonly needsEvent: boolean;
  readonly #definition: Required<Pick<CustomMetricOptions, 'type' | 'name' | 'help'>> & { buckets?: readonly number[] };
  #series: Series | undefined;
  #vec: BoundVec<Series> | undefined;
  #labelNames: readonly string[] = [];

  constructor(
    private readonly options: CustomMetricOptions,
    private readonly store: MetricStore,
    private readonly constantLabels: Readonly<Record<string, string>>,
    private readonly naming: Naming,
  ) {
    const { type, help } = options;
    this.on = options.on ?? 'request';
    this.needsEvent = options.value !== undefined || options.labels !== undefined;
    const buckets = type === 'histogram' ? resolveBuckets(options.buckets ?? DEFAULT_BUCKETS) : undefined;
    this.#definition = { type, help, name: qualifiedName(options.name, naming), ...(buckets && { buckets }) };
    store.droppedSamples(this.#definition.name, 'callback');
    if (!options.labels) this.#series = this.#family([]).series(constantLabels) as unknown as Series;
  }

  record(event: MetricEvent): void {
    try {
      const { value, type } = this.options;
      const amount = value === undefined ? 1 : value(event);
      if (typeof amount !== 'number') return this.#refuse(amount);
      const series = this.#series ?? this.#labelled(event);
      if (type === 'counter') series.inc(amount);
      else if (type === 'gauge') series.set(amount);
      else series.observe(amount);
    } catch (error) {
      this.store.drop(this.#definition.name, 'callback', error);
    }
  }

  /** An async callback has given a promise: too late to be recorded, and nobody else will handle its rejection. */
  #refuse(amount: unknown): void {
    if (amount instanceof Promise) amount.catch(() => undefined);
    this.store.drop(this.#definition.name, 'value');
  }

  #labelled(event: MetricEvent): Series {
    const values = this.options.labels!(event);
    const vec = (this.#vec ??= this.#open(Object.keys(values)));
    for (const name in values) {
      if (this.#labelNames.includes(name)) continue;
      throw new ProfiledError(
        'PROFILED_METRIC_INVALID',
        `label ${show(name)} of metric \`${this.#definition.name}\` was not there at the first sample (${this.#labelNames.join(', ')})`,
      );
    }
    return vec.labels(values);
  }

  #open(labelNames: readonly string[]): BoundVec<Series> {
    checkLabelNames(this.#definition.name, labelNames, [
      ...reservedLabels(this.naming),
      ...Object.keys(this.constantLabels),
    ]);
    const family = this.#family(labelNames);
    this.#labelNames = labelNames;
    return new BoundVec<Series>(
      family,
      this.constantLabels,
      this.store,
      (all) => family.series(all) as unknown as Series,
    );
  }

  #family(labelNames: readonly string[]) {
    return this.store.family({ ...this.#definition, labelNames });
  }
}

const arrival = (request: unknown, handler: unknown): MetricEvent => ({
  request,
  item: undefined,
  error: undefined,
  outcome: undefined,
  durationSeconds: undefined,
  itemCount: 0,
  handler,
});
const UNSEEN = arrival(undefined, undefined);

/** Records what is recorded on arrival. The event is only made if a callback looks at it. */
export function recordArrival(metrics: readonly CustomMetric[], request: unknown, handler: unknown): void {
  let event: MetricEvent | undefined;
  for (const metric of metrics) metric.record(metric.needsEvent ? (event ??= arrival(request, handler)) : UNSEEN);
}
