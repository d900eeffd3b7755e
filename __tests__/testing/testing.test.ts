import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { resolveNaming, standardSeries } from '../../lib/metrics/standard';
import { bindBeforeScrape, currentStore, getRegistry, storeOf } from '../../lib/metrics/store';
import { freshRegistry, lint, resetMetrics, restoreRegistry, sample } from '../../lib/testing';

const ADDRESS = { namespace: 'n', component: 'c', endpoint: 'e' };

afterEach(restoreRegistry);

describe('freshRegistry and restoreRegistry', () => {
  test('each call makes an empty registry the current one', () => {
    const first = freshRegistry();
    expect(getRegistry()).toBe(first);
    const second = freshRegistry();
    expect(second).not.toBe(first);
    expect(getRegistry()).toBe(second);
    expect(currentStore().registry).toBe(second);
  });

  test('what was current before the first one comes back, once', () => {
    const before = getRegistry();
    freshRegistry();
    freshRegistry();
    restoreRegistry();
    expect(getRegistry()).toBe(before);
    restoreRegistry();
    expect(getRegistry()).toBe(before);
  });
});

describe('sample', () => {
  let registry: Registry;
  beforeEach(() => (registry = freshRegistry()));

  test('reads counters, and gauges without labels', async () => {
    new Counter({ name: 'x_total', help: 'x', labelNames: ['a', 'b'], registers: [registry] }).inc(
      { a: '1', b: '2' },
      5,
    );
    new Gauge({ name: 'g', help: 'g', registers: [registry] }).set(-1);
    expect(await sample(registry, 'x_total')).toBe(5);
    expect(await sample(registry, 'x_total', { a: '1' })).toBe(5);
    expect(await sample(registry, 'x_total', { a: 1, b: 2 })).toBe(5);
    expect(await sample(registry, 'x_total', { a: '2' })).toBeUndefined();
    expect(await sample(registry, 'x_total', { c: '1' })).toBeUndefined();
    expect(await sample(registry, 'g')).toBe(-1);
    expect(await sample(registry, 'nothing')).toBeUndefined();
  });

  test('reads the parts of our histograms and of those of others', async () => {
    new Histogram({ name: 'h_seconds', help: 'h', buckets: [1, 2], registers: [registry] }).observe(1.5);
    standardSeries(storeOf(registry), ADDRESS, resolveNaming({})).duration.observe(0.3);
    expect(await sample(registry, 'h_seconds_bucket', { le: 2 })).toBe(1);
    expect(await sample(registry, 'h_seconds_bucket', { le: '+Inf' })).toBe(1);
    expect(await sample(registry, 'h_seconds_sum')).toBe(1.5);
    expect(await sample(registry, 'request_duration_seconds_bucket', { le: 0.25 })).toBe(0);
    expect(await sample(registry, 'request_duration_seconds_bucket', { le: 0.5 })).toBe(1);
    expect(await sample(registry, 'request_duration_seconds_count', { endpoint: 'e' })).toBe(1);
    expect(await sample(registry, 'request_duration_seconds')).toBeUndefined();
  });

  test('refuses to choose between several, and lists them', async () => {
    const counter = new Counter({ name: 'x_total', help: 'x', labelNames: ['a', 'b'], registers: [registry] });
    counter.inc({ a: '1', b: '1' });
    counter.inc({ a: '1', b: '2' }, 2);
    await expect(sample(registry, 'x_total', { a: '1' })).rejects.toThrow(
      '2 samples match; give more labels to choose one of:\n  x_total{"a":"1","b":"1"} 1\n  x_total{"a":"1","b":"2"} 2',
    );
    expect(await sample(registry, 'x_total', { a: '1', b: '2' })).toBe(2);
  });

  test('takes the one that has exactly these labels', async () => {
    const counter = new Counter({ name: 'x_total', help: 'x', labelNames: ['a'], registers: [registry] });
    counter.inc(7);
    counter.inc({ a: '1' }, 2);
    expect(await sample(registry, 'x_total')).toBe(7);
  });

  test('sees the zero series of what was decorated and not yet called', async () => {
    bindBeforeScrape('testing', () => void standardSeries(currentStore(), ADDRESS, resolveNaming({})));
    expect(await sample(registry, 'requests_total')).toBe(0);
  });
});

test('resetMetrics takes our metrics and those of others to 0', async () => {
  const registry = freshRegistry();
  const ours = standardSeries(storeOf(registry), ADDRESS, resolveNaming({}));
  ours.requests.value += 2;
  ours.inflight.value += 1;
  new Counter({ name: 'x_total', help: 'x', registers: [registry] }).inc(3);
  resetMetrics(registry);
  expect(await sample(registry, 'requests_total')).toBe(0);
  expect(await sample(registry, 'concurrent_requests')).toBe(1);
  expect(await sample(registry, 'x_total')).toBe(0);
});

describe('lint', () => {
  let registry: Registry;
  beforeEach(() => (registry = new Registry()));

  const texts = async () => (await lint(registry)).map(({ metric, text }) => `${metric}: ${text}`);

  test.each(['plain', 'dynamo'] as const)('finds nothing in the standard set under %s naming', async (naming) => {
    standardSeries(storeOf(registry), ADDRESS, resolveNaming({ naming }));
    storeOf(registry).drop('x', 'value');
    storeOf(registry).labelOverflow('x', 'y');
    storeOf(registry).scrapeErrors('error');
    expect(await lint(registry)).toEqual([]);
  });

  test.each([
    ['my_jobs', 'counter', 'a counter must end in `_total`'],
    ['jobs_total', 'gauge', 'a gauge must not end in `_total`'],
    ['sizes_total', 'histogram', 'a histogram must not end in `_total`'],
    ['wait_milliseconds', 'gauge', 'use the base unit `seconds` instead of `milliseconds`'],
    ['wait_minutes', 'gauge', 'use the base unit `seconds` instead of `minutes`'],
    ['read_kilobytes_total', 'counter', 'use the base unit `bytes` instead of `kilobytes`'],
    ['read_bits_total', 'counter', 'use the base unit `bytes` instead of `bits`'],
    ['wait_ms', 'gauge', 'write the unit out instead of `_ms`'],
    ['read_kb_total', 'counter', 'write the unit out instead of `_kb`'],
    ['jobs_counter_total', 'counter', 'leave the type `counter` out of the name'],
    ['jobs_gauge', 'gauge', 'leave the type `gauge` out of the name'],
    ['a:b', 'gauge', '`:` is for recording rules'],
    ['queueLength', 'gauge', 'the name must be snake_case, not camelCase'],
    ['x_bucket', 'gauge', '`_bucket` is for histograms'],
    ['x_count', 'gauge', '`_count` and `_sum` are for histograms and summaries'],
    ['x_sum', 'gauge', '`_count` and `_sum` are for histograms and summaries'],
  ])('%s as a %s: %s', async (name, type, problem) => {
    const classes = { counter: Counter, gauge: Gauge, histogram: Histogram } as const;
    new classes[type as keyof typeof classes]({ name, help: 'h', registers: [registry] });
    expect(await texts()).toEqual([`${name}: ${problem}`]);
  });

  test.each(['thermometers', 'requests', 'jobs_in_seconds', 'db_size_bytes', 'summary_length', 'microphones'])(
    '%s is fine',
    async (name) => {
      new Gauge({ name, help: 'h', registers: [registry] });
      expect(await lint(registry)).toEqual([]);
    },
  );

  test('labels', async () => {
    new Gauge({ name: 'g', help: 'h', labelNames: ['userId'], registers: [registry] }).set({ userId: 'x' }, 1);
    new Gauge({ name: 'l', help: 'h', labelNames: ['le'], registers: [registry] }).set({ le: '1' }, 1);
    new Gauge({ name: 'q', help: 'h', labelNames: ['quantile'], registers: [registry] }).set({ quantile: '1' }, 1);
    expect(await texts()).toEqual([
      'g: label `userId` must be snake_case, not camelCase',
      'l: label `le` is for histograms',
      'q: label `quantile` is for summaries',
    ]);
  });

  test('histograms and summaries may have what is theirs', async () => {
    new Histogram({ name: 'h_seconds', help: 'h', registers: [registry] }).observe(1);
    new Summary({ name: 's_seconds', help: 's', registers: [registry] }).observe(1);
    expect(await lint(registry)).toEqual([]);
  });

  test('a missing help text and a series that is there twice', async () => {
    const gauge = new Gauge({ name: 'g', help: 'h', labelNames: ['a'], registers: [registry] });
    const value = { value: 1, labels: { a: '1' } };
    gauge.get = () =>
      Promise.resolve({ name: 'g', help: ' ', type: 'gauge', aggregator: 'sum', values: [value, value] } as never);
    expect(await texts()).toEqual(['g: the help text is missing', 'g: the series g{"a":"1"} is there more than once']);
  });

  test("finds what promtool finds in prom-client's own metrics of the process", async () => {
    collectDefaultMetrics({ register: registry });
    expect(await texts()).toContain('nodejs_active_handles_total: a gauge must not end in `_total`');
  });
});
