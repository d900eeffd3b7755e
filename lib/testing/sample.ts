import type { Registry } from 'prom-client';
import { getRegistry, shared } from '../metrics/store';

/** Label values as a test writes them; numbers are compared as their text. */
export type SampleLabels = Readonly<Record<string, string | number>>;

interface Sample {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly value: number;
}

/**
 * The value of one sample of `registry`, or undefined when there is none. `name` is as in the scrape (`x_bucket`, `x_sum` and
 * `x_count` of a histogram too); of `labels` only as many are needed as tell the sample from its neighbours.
 *
 * @throws Error listing the candidates when several samples match and none has exactly these labels
 */
export async function sample(registry: Registry, name: string, labels: SampleLabels = {}): Promise<number | undefined> {
  const matching = (await samplesOf(registry, name)).filter((candidate) => matches(candidate, labels));
  const count = Object.keys(labels).length;
  const exact = matching.find((candidate) => Object.keys(candidate.labels).length === count);
  if (exact) return exact.value;
  if (matching.length <= 1) return matching[0]?.value;
  const candidates = matching.map((candidate) => `\n  ${name}${JSON.stringify(candidate.labels)} ${candidate.value}`);
  throw new Error(`${matching.length} samples match; give more labels to choose one of:${candidates.join('')}`);
}

async function samplesOf(registry: Registry, name: string): Promise<Sample[]> {
  if (registry === shared.registry) getRegistry();
  const families = await registry.getMetricsAsJSON();
  return families.flatMap((family) =>
    family.values.filter((value) => ((value as { metricName?: string }).metricName ?? family.name) === name),
  );
}

function matches(candidate: Sample, labels: SampleLabels): boolean {
  return Object.entries(labels).every(([label, value]) => String(candidate.labels[label]) === String(value));
}
