import { dirname, join } from 'node:path';
import client from 'prom-client';
import { Profiled } from 'profiled';
import { caseOf } from '../../recording/cases';
import { type Handler, makeClass } from '../../recording/handlers';

/** With these bounds and +Inf a handler has 29 series. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const ERROR_TYPES = [
  ...['deserialization', 'generate', 'invalid_message'],
  ...['publish_final', 'publish_response', 'response_stream'],
];

const LIB = dirname(require.resolve('profiled'));
/** What is not exported: a scrape without the server around it. */
interface Internals {
  render(registry: client.Registry): Promise<{ release(): void }>;
  getRegistry(): client.Registry;
}
const internal = (file: string): Internals =>
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only `require` finds it beside the package's entry
  require(join(LIB, file)) as Internals;
export const { render } = internal('metrics/exposition/render.js');
/** The registry that ours are in, with their series. */
export const { getRegistry: ourRegistry } = internal('metrics/store.js');

/** So many undecorated handlers. */
export function classes(count: number): (new () => Handler)[] {
  return Array.from({ length: count }, () => makeClass(caseOf('value')));
}

/** Decorates them. Their series are made by the first scrape. */
export function decorate(targets: readonly (new () => Handler)[]): void {
  targets.forEach((target, i) =>
    Profiled('bench', 'scrape', `handler${i}`, { streamMetrics: false, buckets: BUCKETS })(target),
  );
}

/** A field that recording writes. */
interface Cell {
  value: number;
  counts?: number[];
  sum: number;
}

/** Raises every value of every `step`th series, in the fields that recording writes. */
export function raiseOurs(registry: client.Registry, step: number): void {
  for (const { all } of registry.getMetricsAsArray() as unknown as { readonly all?: readonly Cell[] }[]) {
    for (let i = 0; i < (all?.length ?? 0); i += step) raise(all![i]!);
  }
}

function raise(cell: Cell): void {
  if (!cell.counts) {
    cell.value += 1;
    return;
  }
  for (let i = 0; i < cell.counts.length; i++) cell.counts[i]! += 1;
  cell.sum += 0.0123;
}

/** The standard set of so many handlers, as prom-client keeps it, all series at 0. */
export function promRegistry(handlers: number): client.Registry {
  const registry = new client.Registry();
  const [registers, labelNames] = [[registry], ['namespace', 'component', 'endpoint']];
  const counter = (name: string, more: string[] = []) =>
    new client.Counter({ name, help: name, labelNames: [...labelNames, ...more], registers });
  const counters = ['requests_total', 'request_bytes_total', 'response_bytes_total', 'cancellation_total'].map((name) =>
    counter(name),
  );
  const errors = counter('errors_total', ['error_type']);
  const inflight = new client.Gauge({ name: 'concurrent_requests', help: 'in flight', labelNames, registers });
  const duration = new client.Histogram({
    name: 'request_duration_seconds',
    help: 'duration',
    labelNames,
    buckets: BUCKETS,
    registers,
  });
  for (let i = 0; i < handlers; i++) {
    const labels = { namespace: 'bench', component: 'scrape', endpoint: `handler${i}` };
    for (const one of counters) one.inc(labels, 0);
    for (const type of ERROR_TYPES) errors.inc({ ...labels, error_type: type }, 0);
    inflight.set(labels, 0);
    duration.zero(labels);
  }
  return registry;
}
