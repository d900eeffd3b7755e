import type { FamilyOf } from './family';
import type { Cell, HistogramCell } from './instruments';
import { canonicalLabels } from './labels';
import {
  INFERENCE_BUCKETS,
  INFERENCE_FIRST_RESPONSE_BUCKETS,
  NAMING_SCHEMES,
  OUTCOME_LABEL,
  OUTCOMES,
  SIDE_LABEL,
  SIDES,
  STREAM_METRICS,
} from './names';
import { addressLabels, type EndpointAddress, type ResolvedNaming } from './standard';
import type { MetricStore } from './store';

/** What the streams of one handler write to: resolved once, then written as plain fields. */
export interface StreamSeries {
  readonly firstResponse: HistogramCell;
  readonly interResponse: HistogramCell;
  readonly items: Cell;
  readonly outcomes: Readonly<Record<(typeof OUTCOMES)[number], Cell>>;
  readonly lastProgress: Cell;
  readonly waits: Readonly<Record<(typeof SIDES)[number], Cell>>;
}

/** The series for `address` in `store`, made at 0 when they are new. A name that something else holds costs that one metric. */
export function streamSeries(store: MetricStore, address: EndpointAddress, options: ResolvedNaming): StreamSeries {
  const labels = canonicalLabels({ ...options.labels, ...addressLabels(address, options.naming) });
  const family = <K extends keyof typeof STREAM_METRICS>(key: K): FamilyOf<(typeof STREAM_METRICS)[K]['type']> => {
    const { name, ...spec } = STREAM_METRICS[key];
    return store.familyOrUnregistered({ labelNames: [], owner: 'profiled', ...spec, name: options.prefix + name });
  };
  const cells = <V extends string>(key: 'outcomes' | 'waits', label: string, values: readonly V[]) => {
    const cellFamily = family(key);
    const entries = values.map((value) => [value, cellFamily.series({ ...labels, [label]: value })]);
    return Object.fromEntries(entries) as Record<V, Cell>;
  };
  const isInference = (options.buckets ?? NAMING_SCHEMES[options.naming].buckets) === INFERENCE_BUCKETS;
  return {
    firstResponse: family('firstResponse').series(labels, isInference ? INFERENCE_FIRST_RESPONSE_BUCKETS : undefined),
    interResponse: family('interResponse').series(labels),
    items: family('items').series(labels),
    outcomes: cells('outcomes', OUTCOME_LABEL, OUTCOMES),
    lastProgress: family('lastProgress').series(labels),
    waits: cells('waits', SIDE_LABEL, SIDES),
  };
}
