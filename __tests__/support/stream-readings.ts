import type { Registry } from 'prom-client';
import { OUTCOMES, STREAM_METRICS } from '../../lib/metrics/names';
import { sample } from '../../lib/testing';

/** The streaming set of one endpoint; outcomes that are 0 are left out. */
export interface StreamReadings {
  first: readonly [count: number, sum: number];
  between: readonly [count: number, sum: number];
  items: number;
  outcomes: Partial<Record<(typeof OUTCOMES)[number], number>>;
  lastProgress: number;
  handler: number;
  consumer: number;
}

/** Reads the plain-named streaming set, all of which has to be there. */
export async function streamReadings(registry: Registry, labels: Record<string, string> = {}): Promise<StreamReadings> {
  const value = async (name: string, extra: Record<string, string> = {}): Promise<number> => {
    const found = await sample(registry, name, { ...labels, ...extra });
    if (found === undefined) throw new Error(`no sample of ${name} ${JSON.stringify(extra)}`);
    return found;
  };
  const histogram = async (name: string) => [await value(`${name}_count`), await value(`${name}_sum`)] as const;
  const outcomes: StreamReadings['outcomes'] = {};
  for (const outcome of OUTCOMES) {
    const count = await value('stream_outcomes_total', { outcome });
    if (count !== 0) outcomes[outcome] = count;
  }
  return {
    first: await histogram('time_to_first_response_seconds'),
    between: await histogram('inter_response_seconds'),
    items: await value('response_items_total'),
    outcomes,
    lastProgress: await value('last_progress_timestamp_seconds'),
    handler: await value('stream_wait_seconds_total', { side: 'handler' }),
    consumer: await value('stream_wait_seconds_total', { side: 'consumer' }),
  };
}

/** Which metrics of the streaming set `registry` has. */
export function streamNamesIn(registry: Registry): string[] {
  return Object.values(STREAM_METRICS)
    .map(({ name }) => name)
    .filter((name) => registry.getSingleMetric(name));
}
