import { Registry } from 'prom-client';
import {
  Annotated,
  Context,
  CustomMetric,
  type CustomMetricOptions,
  type MetricEvent,
  Profiled,
  ProfiledError,
  useRegistry,
} from '../../lib';
import { drain } from './handler';

let registry: Registry;
beforeEach(() => useRegistry((registry = new Registry())));

const linesOf = async (name: string): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith(name));

const LABELS = 'component="comp",endpoint="ep",namespace="ns"';

/** A profiled handler with one custom metric on a stream of `items`. */
function handlerWith(options: CustomMetricOptions, items: readonly unknown[] = ['a', 'bc']) {
  @Profiled('ns', 'comp', 'ep')
  class Handler {
    @CustomMetric(options)
    async *generate(..._args: unknown[]) {
      for (const item of items) {
        if (item instanceof Error) throw item;
        yield item;
      }
    }
  }
  return new Handler();
}

test('a counter of request bytes, as the documentation has it', async () => {
  const handler = handlerWith({
    type: 'counter',
    name: 'my_custom_bytes_processed_total',
    help: 'Example of a custom metric. Total number of data bytes processed by system handler',
    value: ({ request }) => Buffer.byteLength(request as string),
  });
  for (const i of [0, 1, 2]) await drain(handler.generate(new Context(`test message ${i}`)));
  expect(await linesOf('my_custom_bytes_processed_total')).toEqual([`my_custom_bytes_processed_total{${LABELS}} 42`]);
});

test.each<[CustomMetricOptions['on'], Partial<MetricEvent>[]]>([
  [undefined, [{ request: 'in', item: undefined, outcome: undefined, durationSeconds: undefined, itemCount: 0 }]],
  ['request', [{ request: 'in', item: undefined, outcome: undefined, durationSeconds: undefined, itemCount: 0 }]],
  [
    'item',
    [
      { request: 'in', item: 'a', itemCount: 1 },
      { request: 'in', item: 'bc', itemCount: 2 },
    ],
  ],
  [
    'end',
    [
      {
        request: 'in',
        item: undefined,
        outcome: 'success',
        durationSeconds: expect.any(Number) as never,
        itemCount: 2,
      },
    ],
  ],
  ['error', []],
])('on: %s sees what is known then', async (on, expected) => {
  const events: MetricEvent[] = [];
  const handler = handlerWith({ type: 'gauge', name: 'seen', help: 'x', on, value: (event) => events.push(event) });
  await drain(handler.generate('in'));
  expect(events).toEqual(expected.map((event) => expect.objectContaining({ ...event, error: undefined, handler })));
});

test.each<[string, unknown[], Partial<MetricEvent>]>([
  ['a thrown error', ['a', new Error('boom')], { itemCount: 1, outcome: 'error', error: new Error('boom') }],
  ['an error item', [Annotated.fromError('bad')], { outcome: 'error', error: Annotated.fromError('bad') }],
])("on: 'error' sees %s", async (_, items, expected) => {
  const events: MetricEvent[] = [];
  const options = { type: 'counter', name: 'seen_total', help: 'x', on: 'error' } as const;
  const handler = handlerWith({ ...options, value: (event) => events.push(event) }, items);
  await drain(handler.generate('in')).catch(() => undefined);
  expect(events).toEqual([expect.objectContaining({ ...expected, request: 'in' })]);
});

test.each<[string, (stream: AsyncGenerator<unknown>) => Promise<unknown>, string]>([
  ['success', (stream) => drain(stream), 'success'],
  ['a break', (stream) => stream.return(undefined), 'cancelled'],
])("on: 'end' after %s", async (_, consume, outcome) => {
  const outcomes: unknown[] = [];
  const options = { type: 'counter', name: 'ends_total', help: 'x', on: 'end' } as const;
  const handler = handlerWith({ ...options, value: (event) => outcomes.push(event.outcome) });
  await consume(handler.generate('in'));
  expect(outcomes).toEqual([outcome]);
});

test('all four types', async () => {
  @Profiled('ns', 'comp', 'ep')
  class Handler {
    @CustomMetric({ type: 'counter', name: 'a_total', help: 'a' })
    @CustomMetric({ type: 'gauge', name: 'b', help: 'b', value: () => 7 })
    @CustomMetric({ type: 'histogram', name: 'c_bytes', help: 'c', buckets: [1, 10], value: () => 5 })
    @CustomMetric({ type: 'summary', name: 'd_bytes', help: 'd', value: () => 9 })
    generate(value: string) {
      return value;
    }
  }
  new Handler().generate('x');
  expect(await linesOf('a_total')).toEqual([`a_total{${LABELS}} 1`]);
  expect(await linesOf('b')).toEqual([`b{${LABELS}} 7`]);
  expect(await linesOf('c_bytes')).toEqual([
    `c_bytes_bucket{le="1",${LABELS}} 0`,
    `c_bytes_bucket{le="10",${LABELS}} 1`,
    `c_bytes_bucket{le="+Inf",${LABELS}} 1`,
    `c_bytes_sum{${LABELS}} 5`,
    `c_bytes_count{${LABELS}} 1`,
  ]);
  expect(await linesOf('d_bytes')).toEqual(
    expect.arrayContaining([`d_bytes{quantile="0.5",${LABELS}} 9`, `d_bytes_count{${LABELS}} 1`]),
  );
  expect(await linesOf('requests_total')).toEqual([`requests_total{${LABELS}} 1`]);
});

test('works without @Profiled, on any method, and then has no labels', async () => {
  class Plain {
    @CustomMetric({ type: 'counter', name: 'calls_total', help: 'Calls' })
    lookUp(key: string) {
      return key;
    }
  }
  expect(new Plain().lookUp('x')).toBe('x');
  expect(await linesOf('calls_total')).toEqual(['calls_total 1']);
  expect(await linesOf('requests_total')).toEqual([]);
});

test('on another method of a profiled class it carries the labels, and is no request', async () => {
  @Profiled('ns', 'comp', 'ep')
  class Handler {
    generate() {
      return this.lookUp();
    }
    @CustomMetric({ type: 'counter', name: 'lookups_total', help: 'Look-ups' })
    lookUp() {
      return 1;
    }
  }
  new Handler().generate();
  new Handler().lookUp();
  expect(await linesOf('lookups_total')).toEqual([`lookups_total{${LABELS}} 2`]);
  expect(await linesOf('requests_total')).toEqual([`requests_total{${LABELS}} 1`]);
});

describe('a callback', () => {
  test.each<[string, Partial<CustomMetricOptions>, string]>([
    [
      'value that throws',
      {
        value: () => {
          throw new Error('boom');
        },
      },
      'callback',
    ],
    [
      'labels that throw',
      {
        labels: () => {
          throw new Error('boom');
        },
      },
      'callback',
    ],
    ['value that is no number', { value: () => 'x' as never }, 'value'],
    ['value that is NaN', { value: () => NaN }, 'value'],
    ['value that is negative', { value: () => -1 }, 'value'],
    ['label that is reserved', { labels: () => ({ namespace: 'x' }) }, 'callback'],
    ['label that is no name', { labels: () => ({ 'a-b': 'x' }) }, 'callback'],
  ])('%s costs its own sample and never reaches the handler', async (_, options, reason) => {
    const handler = handlerWith({ type: 'counter', name: 'x_total', help: 'x', ...options });
    expect(await drain(handler.generate('in'))).toEqual(['a', 'bc']);
    const lines = (await linesOf('x_total')).filter((line) => !line.endsWith(' 0'));
    expect(lines).toEqual([]);
    const dropped = await linesOf(`profiled_dropped_samples_total{metric="x_total",reason="${reason}"}`);
    expect(dropped.join()).toBe(`profiled_dropped_samples_total{metric="x_total",reason="${reason}"} 1`);
    expect(await linesOf('requests_total')).toEqual([`requests_total{${LABELS}} 1`]);
    expect(await linesOf('concurrent_requests')).toEqual([`concurrent_requests{${LABELS}} 0`]);
    expect((await linesOf('errors_total')).every((line) => line.endsWith(' 0'))).toBe(true);
  });
});

describe('labels', () => {
  const byRoute = (labels: CustomMetricOptions['labels']) =>
    handlerWith({ type: 'counter', name: 'routed_total', help: 'x', labels });

  test('values that would collide or break the text are kept apart', async () => {
    const handler = byRoute(({ request }) => request as Record<string, unknown>);
    const values = [
      { a: '1,b:2', b: '' },
      { a: '1', b: '2' },
      { a: '1|2', b: '' },
      { a: '1', b: '2|' },
      { a: 'quote " backslash \\ newline \n', b: undefined },
      { a: null, b: 3 },
    ];
    for (const value of values) await drain(handler.generate(value));
    const lines = await linesOf('routed_total');
    expect(lines).toHaveLength(values.length);
    expect(lines.every((line) => line.endsWith(' 1'))).toBe(true);
    expect(lines.join('\n')).toContain('a="quote \\" backslash \\\\ newline \\n"');
  });

  test('more than 100 values become __other__ and are counted', async () => {
    const handler = byRoute(({ request }) => ({ user: request }));
    for (let i = 0; i < 130; i++) await drain(handler.generate(`user-${i}`));
    const lines = await linesOf('routed_total');
    expect(lines).toHaveLength(101);
    expect(lines.find((line) => line.includes('__other__'))).toMatch(/ 30$/);
    expect(await linesOf('profiled_label_overflow_total')).toEqual([
      'profiled_label_overflow_total{label="user",metric="routed_total"} 30',
    ]);
  });

  test('a name that was not there at first drops the sample', async () => {
    const handler = byRoute(({ request }) => request as Record<string, unknown>);
    await drain(handler.generate({ a: '1' }));
    await drain(handler.generate({ a: '1', b: '2' }));
    await drain(handler.generate({}));
    expect(await linesOf('routed_total')).toEqual([
      `routed_total{a="1",${LABELS}} 1`.replace('a="1",component', 'a="1",component'),
      `routed_total{a="",${LABELS}} 1`,
    ]);
  });
});

test.each<[string, Partial<CustomMetricOptions>, RegExp]>([
  ['no type', { type: undefined }, /`type` of metric `x_total` must be one of counter, gauge, histogram, summary/],
  ['a bad name', { name: 'x-y' }, /`name` must be a string that matches .* got "x-y"/],
  ['no help', { help: ' ' }, /metric `x_total` needs a `help` text/],
  [
    'a bad moment',
    { on: 'start' as never },
    /`on` of metric `x_total` must be one of request, item, end, error, got "start"/,
  ],
  ['a value that is no function', { value: 1 as never }, /`value` .* must be a function of the event, got 1/],
  ['labels that are no function', { labels: {} as never }, /`labels` .* must be a function/],
  ['buckets on a counter', { buckets: [1] }, /`buckets` .* must be left out unless the type is histogram/],
])('%s is refused when the class is defined', (_, options, message) => {
  const define = () => CustomMetric({ type: 'counter', name: 'x_total', help: 'x', ...options });
  expect(define).toThrow(ProfiledError);
  expect(define).toThrow(message);
});

test('one that conflicts with another costs itself alone', async () => {
  @Profiled('ns', 'comp', 'ep')
  class Handler {
    @CustomMetric({ type: 'counter', name: 'same_total', help: 'one' })
    @CustomMetric({ type: 'counter', name: 'same_total', help: 'another' })
    generate() {
      return 'x';
    }
  }
  expect(new Handler().generate()).toBe('x');
  expect(await linesOf('same_total')).toEqual([`same_total{${LABELS}} 1`]);
});

test('under the dynamo naming it has prefix and labels of that naming', async () => {
  @Profiled('ns', 'comp', 'ep', { naming: 'dynamo', labels: { model: 'm' } })
  class Handler {
    @CustomMetric({ type: 'counter', name: 'mine_total', help: 'x' })
    generate() {
      return 'x';
    }
  }
  new Handler().generate();
  const labels = 'dynamo_component="comp",dynamo_endpoint="ep",dynamo_namespace="ns",model="m"';
  expect(await linesOf('dynamo_component_mine_total')).toEqual([`dynamo_component_mine_total{${labels}} 1`]);
  expect(await linesOf('dynamo_component_requests_total')).toEqual([`dynamo_component_requests_total{${labels}} 1`]);
  expect(await linesOf('dynamo_component_inflight_requests')).toHaveLength(1);
  expect(await linesOf('dynamo_component_request_duration_seconds_bucket')).toHaveLength(18);
});
