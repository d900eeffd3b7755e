import type { Registry } from 'prom-client';
import { ERROR_TYPES, type ErrorType } from '../../lib/errors';

/** The standard metrics of one handler, as a scrape of the registry shows them. */
export interface Readings {
  requests: number;
  inflight: number;
  ended: number;
  durationSum: number;
  requestBytes: number;
  responseBytes: number;
  cancellations: number;
  errors: Partial<Record<ErrorType, number>>;
}

interface JsonMetric {
  name: string;
  values: { value: number; labels: Record<string, string | number>; metricName?: string }[];
}

/** Reads the plain-named standard metrics whose labels include `labels`. Errors that are 0 are left out. */
export async function readings(registry: Registry, labels: Record<string, string> = {}): Promise<Readings> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as JsonMetric[];
  const value = (name: string, extra: Record<string, string> = {}): number => {
    const wanted = Object.entries({ ...labels, ...extra });
    const matching = metrics
      .flatMap((metric) => metric.values.map((sample) => ({ name: metric.name, ...sample })))
      .filter((sample) => (sample.metricName ?? sample.name) === name)
      .filter((sample) => wanted.every(([label, text]) => String(sample.labels[label]) === text));
    if (matching.length !== 1) throw new Error(`${matching.length} samples of ${name} ${JSON.stringify(wanted)}`);
    return matching[0]!.value;
  };
  const errors: Readings['errors'] = {};
  for (const type of ERROR_TYPES) {
    const count = value('errors_total', { error_type: type });
    if (count !== 0) errors[type] = count;
  }
  return {
    requests: value('requests_total'),
    inflight: value('concurrent_requests'),
    ended: value('request_duration_seconds_count'),
    durationSum: value('request_duration_seconds_sum'),
    requestBytes: value('request_bytes_total'),
    responseBytes: value('response_bytes_total'),
    cancellations: value('cancellation_total'),
    errors,
  };
}
