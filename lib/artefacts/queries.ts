import { labelKey } from '../metrics/labels';
import {
  ADMISSION_METRICS,
  LEVELS,
  NAMING_SCHEMES,
  type SELF_METRICS,
  STANDARD_METRICS,
  STREAM_METRICS,
} from '../metrics/names';
import type { StandardSet } from '../metrics/standard';

/** What an endpoint is measured by. A handler that answers no streams has none of the second table, one without a limit none of the third. */
const METRICS = { ...STANDARD_METRICS, ...STREAM_METRICS, ...ADMISSION_METRICS };

/** One of an endpoint's metrics, by its key in the tables of names. */
export type MetricKey = keyof typeof METRICS;

/** One of the metrics that the library keeps of itself. */
export type SelfMetric = (typeof SELF_METRICS)[keyof typeof SELF_METRICS];

/** The name of an endpoint's metric under a naming and a prefix. */
export function metricName({ naming, prefix }: Pick<StandardSet, 'naming' | 'prefix'>, key: MetricKey): string {
  return prefix + (METRICS[key].name ?? NAMING_SCHEMES[naming].inflight);
}

/** The names of the labels that an address gives, from the outermost level on. */
export function addressLabelNames(naming: StandardSet['naming']): readonly string[] {
  return LEVELS.map((level) => NAMING_SCHEMES[naming].labels[level]);
}

/** `name{label="value",...}`, the labels as they are given. PromQL quotes a text as JSON does. */
export function select(name: string, labels: Readonly<Record<string, string>>): string {
  const matchers = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return matchers.length > 0 ? `${name}{${matchers.join(',')}}` : name;
}

/** A regular expression that matches exactly these texts; Prometheus anchors it at both ends. */
export function oneOf(values: readonly string[]): string {
  return values.map((value) => value.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&')).join('|');
}

/** What the rules of one standard set select, and what they keep apart. */
export class EndpointQueries {
  /** The labels that all series of the set have. */
  readonly labels: Readonly<Record<string, string>>;
  /** What sums keep apart: the job, the address, and the constant labels, so that an alert shows them. */
  readonly by: readonly string[];

  constructor(
    readonly set: StandardSet,
    readonly job: string | undefined,
  ) {
    this.labels = set.labels;
    this.by = [...new Set(['job', ...addressLabelNames(set.naming), ...Object.keys(set.labels)])];
  }

  /** `key` selected, with `suffix` put to its name. */
  metric(key: MetricKey, suffix = ''): string {
    return this.#select(metricName(this.set, key) + suffix);
  }

  /** The sum of the rates of `key` over `window`, further labels kept where `more` names them. */
  rate(key: MetricKey, window: string, suffix = '', ...more: string[]): string {
    return this.sum(`rate(${this.metric(key, suffix)}[${window}])`, ...more);
  }

  sum(expression: string, ...more: string[]): string {
    return `sum by (${[...this.by, ...more].join(', ')}) (${expression})`;
  }

  /** The name of a recorded series: `endpoint:requests:rate5m`, with the set's prefix before the metric. */
  recordName(metric: string, operation: string): string {
    return `endpoint:${this.set.prefix}${metric}:${operation}`;
  }

  /** A recorded series, selected. */
  recorded(metric: string, operation: string): string {
    return this.#select(this.recordName(metric, operation));
  }

  #select(name: string): string {
    return select(name, this.job === undefined ? this.labels : { job: this.job, ...this.labels });
  }
}

/** The sets without those that have the same names and labels as another one. */
export function distinct(sets: readonly StandardSet[]): StandardSet[] {
  return [...new Map(sets.map((set) => [`${set.prefix} ${labelKey(set.labels)}`, set])).values()];
}
