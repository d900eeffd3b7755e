import { type Metric, Registry } from 'prom-client';
import type { CollectedFamily, CollectedSample } from '../exposition/samples-text';
import type { Slices } from '../exposition/slices';
import type { FamilySnapshot, SeriesSnapshot } from './snapshot';

/** How many series are unfolded without a look at the clock. */
const RUN = 64;

/** A registry that shows snapshots and nothing else: what the serializer takes. */
export async function registryOf(families: readonly FamilySnapshot[], slices: Slices): Promise<Registry> {
  const registry = new Registry();
  for (const { series, ...family } of families) {
    // One after the other: if each waited for its own turn, many of them would come in one and the same.
    const values: CollectedSample[] = [];
    for (let i = 0; i < series.length; i++) {
      unfold(values, series[i]!, family);
      if (i % RUN === 0 && slices.isOver) await slices.next();
    }
    const get = async (): Promise<CollectedFamily> => ({ ...family, values });
    registry.registerMetric({ ...family, get } as unknown as Metric);
  }
  return registry;
}

function unfold(samples: CollectedSample[], series: SeriesSnapshot, family: { name: string; type: string }): void {
  const { name, labels: sharedLabels, bounds, values } = series;
  if (!bounds) {
    samples.push({ metricName: name, sharedLabels, value: values[0], exemplar: exemplarOf(series, 0) });
    return;
  }
  const [label, metricName] = family.type === 'histogram' ? ['le', `${family.name}_bucket`] : ['quantile', undefined];
  for (const [i, bound] of bounds.entries()) {
    const exemplar = exemplarOf(series, i);
    samples.push({ metricName, labels: { [label]: bound }, sharedLabels, value: values[i], exemplar });
  }
  const [sum, count] = values.slice(bounds.length);
  samples.push({ metricName: `${family.name}_sum`, sharedLabels, value: sum });
  samples.push({ metricName: `${family.name}_count`, sharedLabels, value: count });
}

function exemplarOf({ exemplars }: SeriesSnapshot, i: number): CollectedSample['exemplar'] {
  const exemplar = exemplars?.[i];
  return exemplar && { labelSet: exemplar.labels, value: exemplar.value, timestamp: exemplar.timestamp };
}
