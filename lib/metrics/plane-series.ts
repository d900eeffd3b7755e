import type { Cell, HistogramCell } from './instruments';
import { NO_LABELS } from './labels';
import {
  type Naming,
  NAMING_SCHEMES,
  PLANE_CAPACITY_METRIC,
  PLANE_METRICS,
  PLANE_REFUSALS_METRIC,
  REFUSAL_REASONS,
} from './names';
import type { MetricStore } from './store';

type PlaneMetric = (typeof PLANE_METRICS)[keyof typeof PLANE_METRICS] | typeof PLANE_CAPACITY_METRIC;

/** The series of the request plane, one set for all endpoints of the process: resolved once, then written as plain fields. */
export type PlaneSeries = {
  readonly [K in keyof typeof PLANE_METRICS]: (typeof PLANE_METRICS)[K]['type'] extends 'histogram'
    ? HistogramCell
    : Cell;
} & { readonly refusals: Readonly<Record<(typeof REFUSAL_REASONS)[number], Cell>> };

/** The series in `store`, made at 0 when they are new. A name that something else holds costs that one metric. */
export function planeSeries(store: MetricStore, naming: Naming): PlaneSeries {
  const series = Object.entries(PLANE_METRICS).map(([key, metric]) => [key, seriesOf(store, naming, metric)]);
  return { ...Object.fromEntries(series), refusals: refusalSeries(store, naming) } as PlaneSeries;
}

function refusalSeries(store: MetricStore, naming: Naming): PlaneSeries['refusals'] {
  const [label] = PLANE_REFUSALS_METRIC.labelNames;
  const name = NAMING_SCHEMES[naming].planePrefix + PLANE_REFUSALS_METRIC.name;
  const family = store.familyOrUnregistered({ ...PLANE_REFUSALS_METRIC, name, owner: 'profiled' });
  const series = REFUSAL_REASONS.map((reason) => [reason, family.series({ [label]: reason })]);
  return Object.fromEntries(series) as PlaneSeries['refusals'];
}

/** The gauge of how many requests may be under way at once, in `store`. */
export function planeCapacity(store: MetricStore, naming: Naming): Cell {
  return seriesOf(store, naming, PLANE_CAPACITY_METRIC) as Cell;
}

function seriesOf(store: MetricStore, naming: Naming, metric: PlaneMetric): Cell | HistogramCell {
  const name = NAMING_SCHEMES[naming].planePrefix + metric.name;
  return store.familyOrUnregistered({ ...metric, name, labelNames: [], owner: 'profiled' }).series(NO_LABELS);
}
