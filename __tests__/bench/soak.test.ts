import { type Done } from '../../bench/soak/faults';
import { Ledger } from '../../bench/soak/ledger';
import type { Fate, Member, Samples } from '../../bench/soak/member';
import type { CallEnd, HandlerEnd, Kind, Line } from '../../bench/soak/tasks';

const member = (kind: Member['kind'], lines: Line[], fate: Fate = 'ended in order', samples?: Samples) =>
  ({ kind, name: kind, fate, samples, lines: () => lines }) as unknown as Member;

const called = (id: string, kind: Kind): Line => ({ at: 'call', id, kind, ms: 1_000 });
const ended = (id: string, how: CallEnd, items = 0): Line => ({
  at: 'end',
  id,
  how,
  items,
  ms: 2_000,
  detail: 'because',
});
const handled = (id: string, how: HandlerEnd, items = 0): Line[] => [
  { at: 'begin', id },
  { at: 'over', id, how, items },
  { at: 'settled', id },
];

/** A worker that had one request of each kind of end. */
const CALLS = [
  called('a', 'short'),
  ended('a', 'whole', 3),
  called('b', 'fails'),
  ended('b', 'handler error'),
  called('c', 'leave'),
  ended('c', 'broken off', 5),
  called('d', 'invalid'),
  ended('d', 'remote error'),
];
const RUNS: Line[] = [
  ...handled('a', 'whole', 3),
  ...handled('b', 'failed', 8),
  ...handled('c', 'left', 6),
  { at: 'refused', id: 'd' },
];
const SAMPLES = {
  requests_total: 4,
  request_duration_seconds_count: 4,
  'stream_outcomes_total{success}': 1,
  cancellation_total: 1,
  'errors_total{deserialization}': 1,
  'errors_total{generate}': 1,
  'errors_total{response_stream}': 0,
  'errors_total{publish_response}': 0,
  'errors_total{publish_final}': 0,
  'errors_total{invalid_message}': 0,
  response_items_total: 17,
  soak_settled_total: 3,
  concurrent_requests: 0,
  work_handler_queue_depth: 0,
  work_handler_pool_active_tasks: 0,
};

interface Case {
  readonly calls?: Line[];
  readonly runs?: Line[];
  readonly samples?: Partial<typeof SAMPLES>;
  readonly faults?: Done[];
  readonly client?: Fate;
}

function problems({ calls = CALLS, runs = RUNS, samples = {}, faults = [], client }: Case): string[] {
  const worker = member('worker', runs, 'ended in order', { ...SAMPLES, ...samples });
  return new Ledger([member('client', calls, client), worker], faults).problems;
}

describe('the ledger of the soak', () => {
  test('has nothing to say where records and metrics agree', () => {
    expect(problems({})).toEqual([]);
  });

  test.each(Object.entries(SAMPLES).filter(([name]) => name !== 'response_items_total'))(
    'finds one too many, and one too few, of %s',
    (name, value) => {
      expect(problems({ samples: { [name]: value + 1 } }).join()).toContain('worker: ');
      expect(problems({ samples: { [name]: value - 1 } }).join()).toContain('worker: ');
    },
  );

  test.each<[string, Case, string]>([
    ['a call without an end', { calls: CALLS.slice(0, -1) }, 'call d (invalid) has no end'],
    ['a call that ended twice', { calls: [...CALLS, ended('a', 'whole', 3)] }, 'call a has ended twice'],
    [
      'a request that came twice',
      { runs: [...RUNS, { at: 'begin', id: 'a' }, ...handled('a', 'whole', 3).slice(1)] },
      'request a has come to a handler twice',
    ],
    [
      'a request of nobody',
      { runs: [...RUNS, ...handled('z', 'whole')] },
      'request z of worker is no call of any client',
    ],
    [
      'an answer of nobody',
      { calls: [...CALLS, called('e', 'short'), ended('e', 'whole', 3)] },
      'call e (short) was whole, and no handler knows of it',
    ],
    [
      'an item that was lost',
      { runs: [...handled('a', 'whole', 4), ...RUNS.slice(3)] },
      'call a (short) was whole with 3 items',
    ],
    [
      'a failure while nothing was wrong',
      { calls: [...CALLS, called('e', 'short'), ended('e', 'failed')] },
      'call e (short) was failed while nothing was wrong',
    ],
  ])('finds %s', (_, of, complaint) => {
    expect(problems(of).join('\n')).toContain(complaint);
  });

  test('takes a failure in the time of a fault for what it is', () => {
    const calls = [...CALLS, called('e', 'short'), ended('e', 'failed')];
    expect(problems({ calls, faults: [{ name: 'x', began: 1_500, well: 1_600 }] })).toEqual([]);
    expect(problems({ calls, faults: [{ name: 'x', began: 2_500, well: 2_600 }] })).toHaveLength(1);
  });

  test('leaves open how a request was counted whose client was killed, and no more than that', () => {
    const calls = [...CALLS, called('e', 'short')];
    const runs = [...RUNS, ...handled('e', 'whole', 3)];
    const more = {
      requests_total: 5,
      request_duration_seconds_count: 5,
      soak_settled_total: 4,
      response_items_total: 20,
    };
    const of = (samples: Case['samples']) =>
      problems({ calls, runs, client: 'killed', samples: { ...more, ...samples } });
    expect(of({ 'stream_outcomes_total{success}': 2 })).toEqual([]);
    expect(of({ cancellation_total: 2 })).toEqual([]);
    expect(of({ 'errors_total{generate}': 2 })).not.toEqual([]);
    expect(of({})).not.toEqual([]);
    expect(of({ cancellation_total: 2, 'stream_outcomes_total{success}': 2 })).not.toEqual([]);
  });
});
