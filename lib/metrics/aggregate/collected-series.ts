import type { CollectedFamily, CollectedSample } from '../exposition/samples-text';
import type { LabelValues } from '../labels';
import type { SeriesSnapshot } from './snapshot';

/** The label whose values a type's series have in common. */
const BOUND_LABELS: Readonly<Record<string, string>> = { histogram: 'le', summary: 'quantile' };

/**
 * The series of a family that prom-client or someone else collected. The samples of one histogram or summary are one series, so that
 * it is merged as a whole; samples that make up no whole one stay by themselves.
 */
export function seriesOf(
  { name, type, values = [] }: CollectedFamily,
  defaults: LabelValues,
  sortLabels: boolean,
): SeriesSnapshot[] {
  const boundLabel = BOUND_LABELS[String(type)];
  const samples = values.map((sample) => read(sample, name, defaults, sortLabels));
  if (boundLabel === undefined) return samples.map(single);
  const groups = new Map<string, Read[]>();
  for (const sample of samples) {
    const { [boundLabel]: _, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    const group = groups.get(key);
    if (group) group.push(sample);
    else groups.set(key, [sample]);
  }
  return [...groups.values()].flatMap((group) => whole(name, boundLabel, group) ?? group.map(single));
}

/** A sample with all of its labels, as text. */
interface Read {
  readonly name: string | undefined;
  readonly labels: Record<string, string>;
  readonly value: number;
  readonly exemplar: CollectedSample['exemplar'];
}

function read(sample: CollectedSample, family: string, defaults: LabelValues, sorted: boolean): Read {
  const { metricName, labels = {}, sharedLabels = {}, value, exemplar } = sample;
  const entries = Object.entries<unknown>({ ...labels, ...defaults, ...sharedLabels, ...labels });
  if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    name: metricName === family ? undefined : metricName,
    labels: Object.fromEntries(entries.map(([label, text]) => [label, String(text)])),
    value: Number(value),
    exemplar,
  };
}

function single({ name, labels, value, exemplar }: Read): SeriesSnapshot {
  return { ...(name !== undefined && { name }), labels, values: [value], ...exemplarsOf([exemplar]) };
}

/** The samples of one histogram or summary; undefined unless bounds, sum and count are there once each. */
function whole(family: string, boundLabel: string, group: readonly Read[]): SeriesSnapshot | undefined {
  const bounded = group.filter(({ labels }) => labels[boundLabel] !== undefined);
  const [sum, count, ...more] = ['_sum', '_count'].flatMap((suffix) =>
    group.filter(({ name }) => name === family + suffix),
  );
  const sample = boundLabel === 'le' ? `${family}_bucket` : undefined;
  const isWhole = bounded.every(({ name }) => name === sample) && bounded.length + 2 === group.length;
  if (!isWhole || !sum || !count || more.length > 0 || sum.name === count.name) return undefined;
  const { [boundLabel]: _, ...labels } = sum.labels;
  return {
    labels,
    bounds: bounded.map((one) => one.labels[boundLabel]!),
    values: [...bounded, sum, count].map(({ value }) => value),
    ...exemplarsOf(bounded.map(({ exemplar }) => exemplar)),
  };
}

function exemplarsOf(all: readonly Read['exemplar'][]): Pick<SeriesSnapshot, 'exemplars'> {
  if (!all.some(Boolean)) return {};
  const exemplars = all.map((one) => {
    if (!one || !Number.isFinite(one.value)) return null;
    const labels = Object.entries(one.labelSet).map(([label, text]) => [label, String(text)]);
    return { labels: Object.fromEntries(labels) as LabelValues, value: one.value, timestamp: one.timestamp };
  });
  return { exemplars };
}
