import { messageOf } from '../errors';
import { warn } from '../internal/warning';
import { Cell, HistogramCell } from '../metrics/instruments';
import { NO_LABELS } from '../metrics/labels';
import { ERROR_TYPE_VALUES } from '../metrics/names';
import type { StandardSeries } from '../metrics/standard';
import type { MetricStore } from '../metrics/store';
import type { StreamSeries } from '../metrics/stream-series';
import type { Limit } from './admission/enter';
import { type CustomMetric, type CustomMetricOptions, type MetricMoment } from './custom-metric';
import type { SizeOf } from './sizes';

/** Everything that a request of one method of one endpoint writes to, resolved for one registry. */
export interface Binding {
  readonly series: StandardSeries;
  readonly store: MetricStore;
  readonly sizeOf: SizeOf;
  /** The endpoint or method as log lines and dropped samples name it. */
  readonly name: string;
  /** The name of `response_bytes_total` here: what an unmeasurable item is a dropped sample of. */
  readonly bytesMetric: string;
  /** What streams write to, made at the first stream; undefined where that is not recorded. */
  readonly streams: (() => StreamSeries) | undefined;
  /** What bounds how many calls run at once; undefined where nothing does. */
  readonly limit: Limit | undefined;
  /** Whether a request notes the trace that it is part of. */
  readonly traced: boolean;
  /** False when only custom metrics are recorded, because the standard ones are someone else's. */
  readonly standard: boolean;
  /** True when nothing is limited, and nothing recorded but the standard metrics and custom ones on arrival. */
  readonly isPlain: boolean;
  readonly onRequest: readonly CustomMetric[] | undefined;
  readonly onItem: readonly CustomMetric[] | undefined;
  readonly onEnd: readonly CustomMetric[] | undefined;
  readonly onError: readonly CustomMetric[] | undefined;
}

const ignore = (): void => {};
const unseen = (monotonic = true): Cell => new Cell(NO_LABELS, monotonic, ignore);

/** Takes what a request without standard metrics would record; nobody reads it. */
export const UNSEEN_SERIES: StandardSeries = {
  requests: unseen(),
  duration: new HistogramCell(NO_LABELS, [], ignore),
  inflight: unseen(false),
  requestBytes: unseen(),
  responseBytes: unseen(),
  cancellations: unseen(),
  errors: Object.fromEntries(ERROR_TYPE_VALUES.map((type) => [type, unseen()])) as unknown as StandardSeries['errors'],
};

/** The custom metrics of a method, by the moment at which they record; one that conflicts is logged and left out. */
export function bindCustomMetrics(
  definitions: readonly CustomMetricOptions[],
  make: (options: CustomMetricOptions) => CustomMetric,
): (on: MetricMoment) => readonly CustomMetric[] | undefined {
  const metrics: CustomMetric[] = [];
  for (const options of definitions) {
    try {
      metrics.push(make(options));
    } catch (error) {
      warn(
        `${messageOf(error)} Until then custom metric ${options.name} is missing from the scrape.`,
        'PROFILED_METRIC_CONFLICT',
      );
    }
  }
  return (on) => {
    const chosen = metrics.filter((metric) => metric.on === on);
    return chosen.length > 0 ? chosen : undefined;
  };
}
