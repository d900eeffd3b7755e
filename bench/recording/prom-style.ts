import type * as PromClient from 'prom-client';
import { instrument, type Recording, sizeOf } from './instrument';
import type { Wrapper } from './wrapper';

/** prom-client or one of its descendants, which have its API. */
export type PromApi = Pick<typeof PromClient, 'Counter' | 'Gauge' | 'Histogram' | 'Registry'>;

/** How labels are given: anew with each call, through `labels()` children that are kept, or not at all. */
export type Style = 'usual' | 'children' | 'no labels';

type Timer = () => void;
type Metrics = ReturnType<typeof makeMetrics>;

/** The standard metrics, made once. */
function makeMetrics(client: PromApi, labelNames: string[]) {
  const registers = [new client.Registry()];
  const counter = (name: string, more: string[] = []) =>
    new client.Counter({ name, help: name, labelNames: [...labelNames, ...more], registers });
  const histogram = (name: string) => new client.Histogram({ name, help: name, labelNames, registers });
  return {
    requests: counter('requests_total'),
    inflight: new client.Gauge({ name: 'concurrent_requests', help: 'in flight', labelNames, registers }),
    requestBytes: counter('request_bytes_total'),
    responseBytes: counter('response_bytes_total'),
    errors: counter('errors_total', ['error_type']),
    cancellations: counter('cancellation_total'),
    duration: histogram('request_duration_seconds'),
    gaps: histogram('stream_item_interval_seconds'),
  };
}

/** A wrapper in that style; with `gaps` it observes the time between items too. */
export function promWrapper(client: PromApi, style: Style, gaps = false): Wrapper {
  const metrics = makeMetrics(client, style === 'no labels' ? [] : ['namespace', 'component', 'endpoint']);
  const make = { usual: usualStyle, children: childrenStyle, 'no labels': plainStyle }[style];
  return {
    wrap(target, of, index) {
      const recording = make(metrics, `handler${index}`);
      return instrument(target, of, gaps ? withGaps(recording, metrics, `handler${index}`) : recording);
    },
  };
}

/** As the README of prom-client shows it. */
function usualStyle(metrics: Metrics, endpoint: string): Recording<Timer> {
  const { requests, inflight, requestBytes, responseBytes, errors, cancellations, duration } = metrics;
  return {
    begin(request) {
      requests.inc({ namespace: 'bench', component: 'recording', endpoint });
      inflight.inc({ namespace: 'bench', component: 'recording', endpoint });
      requestBytes.inc({ namespace: 'bench', component: 'recording', endpoint }, sizeOf(request));
      return duration.startTimer({ namespace: 'bench', component: 'recording', endpoint });
    },
    item: (item) => responseBytes.inc({ namespace: 'bench', component: 'recording', endpoint }, sizeOf(item)),
    failed: () => errors.inc({ namespace: 'bench', component: 'recording', endpoint, error_type: 'generate' }),
    cancelled: () => cancellations.inc({ namespace: 'bench', component: 'recording', endpoint }),
    end(stop) {
      inflight.dec({ namespace: 'bench', component: 'recording', endpoint });
      stop();
    },
  };
}

function childrenStyle(metrics: Metrics, endpoint: string): Recording<Timer> {
  const labels = { namespace: 'bench', component: 'recording', endpoint };
  const requests = metrics.requests.labels(labels);
  const inflight = metrics.inflight.labels(labels);
  const requestBytes = metrics.requestBytes.labels(labels);
  const responseBytes = metrics.responseBytes.labels(labels);
  const errors = metrics.errors.labels({ ...labels, error_type: 'generate' });
  const cancellations = metrics.cancellations.labels(labels);
  const duration = metrics.duration.labels(labels);
  return {
    begin(request) {
      requests.inc();
      inflight.inc();
      requestBytes.inc(sizeOf(request));
      return duration.startTimer();
    },
    item: (item) => responseBytes.inc(sizeOf(item)),
    failed: () => errors.inc(),
    cancelled: () => cancellations.inc(),
    end(stop) {
      inflight.dec();
      stop();
    },
  };
}

/** One handler alone: its labels would be those of the registry. */
function plainStyle(metrics: Metrics): Recording<Timer> {
  const { requests, inflight, requestBytes, responseBytes, errors, cancellations, duration } = metrics;
  return {
    begin(request) {
      requests.inc();
      inflight.inc();
      requestBytes.inc(sizeOf(request));
      return duration.startTimer();
    },
    item: (item) => responseBytes.inc(sizeOf(item)),
    failed: () => errors.inc({ error_type: 'generate' }),
    cancelled: () => cancellations.inc(),
    end(stop) {
      inflight.dec();
      stop();
    },
  };
}

/** One call at a time, as here, needs no state for each stream. */
function withGaps(recording: Recording<Timer>, { gaps }: Metrics, endpoint: string): Recording<Timer> {
  let last = 0;
  return {
    ...recording,
    begin(request) {
      last = performance.now();
      return recording.begin(request);
    },
    item(item) {
      const now = performance.now();
      gaps.observe({ namespace: 'bench', component: 'recording', endpoint }, (now - last) / 1_000);
      last = now;
      recording.item(item);
    },
  };
}
