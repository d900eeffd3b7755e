import type { FamilyOf } from './family';
import type { Cell, HistogramCell } from './instruments';
import { canonicalLabels } from './labels';
import { ADMISSION_METRICS, REJECTION_LABEL, REJECTION_REASONS } from './names';
import { addressLabels, type EndpointAddress, type ResolvedNaming } from './standard';
import type { MetricStore } from './store';

/** What the calls of a handler with a limit write to: resolved once, then written as plain fields. */
export interface AdmissionSeries {
  readonly queued: Cell;
  readonly queueWait: HistogramCell;
  readonly rejected: Readonly<Record<(typeof REJECTION_REASONS)[number], Cell>>;
}

/** The series for `address` in `store`, made at 0 when they are new. A name that something else holds costs that one metric. */
export function admissionSeries(
  store: MetricStore,
  address: EndpointAddress,
  options: ResolvedNaming,
): AdmissionSeries {
  const labels = canonicalLabels({ ...options.labels, ...addressLabels(address, options.naming) });
  const family = <K extends keyof typeof ADMISSION_METRICS>(
    key: K,
  ): FamilyOf<(typeof ADMISSION_METRICS)[K]['type']> => {
    const { name, ...spec } = ADMISSION_METRICS[key];
    return store.familyOrUnregistered({ labelNames: [], owner: 'profiled', ...spec, name: options.prefix + name });
  };
  const rejected = family('rejected');
  const cells = REJECTION_REASONS.map((reason) => [reason, rejected.series({ ...labels, [REJECTION_LABEL]: reason })]);
  return {
    queued: family('queued').series(labels),
    queueWait: family('queueWait').series(labels),
    rejected: Object.fromEntries(cells) as AdmissionSeries['rejected'],
  };
}
