import type { Member, Samples } from './member';
import type { Run } from './ledger';

/** What a request may have been counted as. */
type Counted =
  'success' | 'cancelled' | 'deserialization' | 'response_stream' | 'generate' | 'publish_response' | 'publish_final';

/** What the records come to: at least and at most, which are the same unless a client did not live to see the end of a request. */
export type Expected = readonly [atLeast: number, atMost: number];

/** One worker: what the records come to beside what its metrics said last. */
export interface Account {
  readonly worker: string;
  readonly fate: Member['fate'];
  /** Requests that came to its handler or schema. */
  readonly handled: number;
  /** Empty for a worker that was killed, whose metrics are lost. */
  readonly compared: Readonly<Record<string, { readonly expected: Expected; readonly metric: number }>>;
}

/** What a request can have been counted as, for all that client and handler know. One entry = it is certain. */
function countedAs({ call, over, isRefused }: Run): readonly Counted[] {
  const fault = isRefused ? 'deserialization' : 'generate';
  switch (call?.end?.how) {
    case 'whole':
      return ['success'];
    case 'remote error':
    case 'handler error':
      return [fault];
    case 'broken off':
      return ['cancelled'];
  }
  // The client was killed, or had given up: the worker learns of that before, while or after it ends the request.
  if (isRefused || over?.how === 'threw' || over?.how === 'failed') return [fault, 'cancelled', 'publish_response'];
  if (over?.how === 'whole') return ['success', 'cancelled', 'publish_final'];
  return ['cancelled', 'publish_response'];
}

/** Compares the last scrape of a worker with the records of it and of all clients. */
export function accountOf(worker: Member, runs: readonly Run[]): Account {
  const base = { worker: worker.name, fate: worker.fate, handled: runs.length };
  const { samples } = worker;
  if (!samples) return { ...base, compared: {} };
  const metric = (name: string) => samples[name] ?? NaN;
  // Requests that never came to the handler: their client had given up before the worker could reach it.
  const early = metric('requests_total') - runs.length;
  const possible = runs.map(countedAs);
  const classOf = (name: Counted, ofEarly = 0): Expected => {
    const certain = possible.filter((all) => all.length === 1 && all[0] === name).length;
    return [certain, possible.filter((all) => all.includes(name)).length + ofEarly];
  };
  const error = (type: Counted, ofEarly = 0) => ({
    expected: classOf(type, ofEarly),
    metric: metric(`errors_total{${type}}`),
  });
  const begun = runs.filter(({ isRefused }) => !isRefused).length;
  const lost = runs.filter(({ over }) => !over || over.how === 'stopped' || over.how === 'left');
  const items = (some: readonly Run[]) => some.reduce((sum, { over }) => sum + (over?.items ?? 0), 0);
  const exactly = (count: number): Expected => [count, count];
  return {
    ...base,
    compared: {
      requests_total: { expected: [runs.length, Infinity], metric: metric('requests_total') },
      request_duration_seconds_count: {
        expected: exactly(metric('requests_total')),
        metric: metric('request_duration_seconds_count'),
      },
      'success, cancelled and errors': { expected: exactly(metric('requests_total')), metric: settledIn(samples) },
      'stream_outcomes_total{success}': {
        expected: classOf('success'),
        metric: metric('stream_outcomes_total{success}'),
      },
      cancellation_total: { expected: classOf('cancelled', early), metric: metric('cancellation_total') },
      'errors_total{deserialization}': error('deserialization'),
      'errors_total{generate}': error('generate'),
      'errors_total{response_stream}': error('response_stream', early),
      'errors_total{publish_response}': error('publish_response'),
      'errors_total{publish_final}': error('publish_final'),
      'errors_total{invalid_message}': { expected: exactly(0), metric: metric('errors_total{invalid_message}') },
      response_items_total: {
        expected: [items(runs) - items(lost), items(runs)],
        metric: metric('response_items_total'),
      },
      soak_settled_total: { expected: exactly(begun), metric: metric('soak_settled_total') },
      concurrent_requests: { expected: exactly(0), metric: metric('concurrent_requests') },
      work_handler_queue_depth: { expected: exactly(0), metric: metric('work_handler_queue_depth') },
      work_handler_pool_active_tasks: { expected: exactly(0), metric: metric('work_handler_pool_active_tasks') },
    },
  };
}

function settledIn(samples: Samples): number {
  const errors = Object.entries(samples).filter(([name]) => name.startsWith('errors_total{'));
  return errors.reduce(
    (sum, [, value]) => sum + value,
    samples['stream_outcomes_total{success}']! + samples.cancellation_total!,
  );
}

/** Requests of a worker that never came to its handler. */
export function earlyIn({ handled, compared }: Account): number {
  return (compared.requests_total?.metric ?? handled) - handled;
}

/** Everything in which a worker's metrics and the records disagree. */
export function disagreements({ worker, compared }: Account): string[] {
  return Object.entries(compared)
    .filter(([, { expected, metric }]) => !(metric >= expected[0] && metric <= expected[1]))
    .map(([name, { expected, metric }]) => `${worker}: ${name} is ${metric}, the records say ${expected.join(' to ')}`);
}
