import fc from 'fast-check';
import { Registry } from 'prom-client';
import { ProfiledError } from '../../lib/errors';
import { renderText } from '../../lib/metrics/exposition/render';
import { LABEL_VALUE_LIMIT } from '../../lib/metrics/label-limit';
import { canonicalLabels, labelKey } from '../../lib/metrics/labels';
import { MetricsScope } from '../../lib/metrics/scope';
import { storeOf } from '../../lib/metrics/store';

let registry: Registry;
let scope: MetricsScope;

beforeEach(() => {
  registry = new Registry();
  const store = storeOf(registry);
  scope = new MetricsScope(() => store, {}, 'plain');
});

describe('values', () => {
  test.each([
    [
      { a: '1,b:2', b: '' },
      { a: '1', b: '2' },
    ],
    [
      { a: '1|2', b: '' },
      { a: '1', b: '2|' },
    ],
    [
      { a: '"', b: '\\' },
      { a: '\\', b: '"' },
    ],
    [
      { a: '1","b', b: '2' },
      { a: '1', b: 'b","2' },
    ],
  ])('%j and %j are two series', async (one, other) => {
    const vec = scope.createCounterVec('x_total', 'X', ['a', 'b']);
    vec.labels(one).inc(1);
    vec.labels(other).inc(2);
    vec.labels(one).inc(10);
    const values = (await renderText(registry)).match(/^x_total\{.*\} (\d+)$/gm)?.map((line) => line.split(' ').at(-1));
    expect(values).toEqual(['11', '2']);
  });

  test('two label sets share a key only if they are the same', () => {
    const labels = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.string({ unit: fc.constantFrom(...'ab:,|"\\\n={}') }),
    );
    fc.assert(
      fc.property(labels, labels, (one, other) => {
        const same = JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());
        return (labelKey(canonicalLabels(one)) === labelKey(canonicalLabels(other))) === same;
      }),
    );
  });

  test.each([
    [undefined, ''],
    [null, ''],
    [7, '7'],
    [true, 'true'],
    ['a\nb"c\\d', 'a\\nb\\"c\\\\d'],
    ['\ud800', '\ufffd'],
    ['x'.repeat(300), 'x'.repeat(256)],
  ])('%j is written as %j', async (value, written) => {
    scope.createGaugeVec('g', 'G', ['v']).labels({ v: value }).set(1);
    expect(await renderText(registry)).toContain(`\ng{v="${written}"} 1\n`);
  });
});

describe(`the limit of ${LABEL_VALUE_LIMIT} values`, () => {
  test('lumps later values together and counts them', async () => {
    const vec = scope.createCounterVec('x_total', 'X', ['user']);
    for (let i = 0; i < LABEL_VALUE_LIMIT + 3; i++) vec.labels({ user: `u${i}` }).inc();
    vec.labels({ user: 'u0' }).inc();
    const text = await renderText(registry);
    expect(text.match(/^x_total\{/gm)).toHaveLength(LABEL_VALUE_LIMIT + 1);
    expect(text).toContain('x_total{user="__other__"} 3\n');
    expect(text).toContain('x_total{user="u0"} 2\n');
    expect(text).toContain('profiled_label_overflow_total{label="user",metric="x_total"} 3\n');
  });

  test('holds for each label by itself, and for every vec of the same name together', async () => {
    const values = Array.from({ length: LABEL_VALUE_LIMIT }, (_, i) => `v${i}`);
    const first = scope.createCounterVec('x_total', 'X', ['a', 'b']);
    for (const value of values) first.labels({ a: value, b: 'one' }).inc();
    const second = scope.createCounterVec('x_total', 'X', ['a', 'b']);
    second.labels({ a: 'new', b: 'two' }).inc();
    const text = await renderText(registry);
    expect(text).toContain('x_total{a="__other__",b="two"} 1\n');
    expect(text).toContain('profiled_label_overflow_total{label="a",metric="x_total"} 1\n');
    expect(text).toContain('profiled_label_overflow_total{label="b",metric="x_total"} 0\n');
  });
});

describe('names', () => {
  const refusal = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      if (ProfiledError.is(error) && error.code === 'PROFILED_METRIC_INVALID') return error.message;
      throw error;
    }
    throw new Error('expected PROFILED_METRIC_INVALID');
  };

  test.each([
    ['le', 'reserved by Prometheus'],
    ['quantile', 'reserved by Prometheus'],
    ['__name__', 'reserved by Prometheus'],
    ['namespace', 'set by the hierarchy'],
    ['component', 'set by the hierarchy'],
    ['endpoint', 'set by the hierarchy'],
    ['a-b', 'must match'],
    ['1a', 'must match'],
    ['', 'must match'],
  ])('label %j is refused, as a name and as a constant', (label, reason) => {
    for (const create of [
      () => scope.createCounterVec('x_total', 'X', [label]),
      () => scope.createGauge('x', 'X', { [label]: 'v' }),
      () => scope.createHistogram('x_seconds', 'X', { [label]: 'v' }),
    ]) {
      const message = refusal(create);
      expect(message).toContain(reason);
      expect(message).toContain(JSON.stringify(label));
    }
    expect(registry.getMetricsAsArray()).toEqual([]);
  });

  test('a label that is given twice is refused', () => {
    expect(refusal(() => scope.createGaugeVec('x', 'X', ['a', 'a']))).toContain('given twice');
    expect(refusal(() => scope.createGaugeVec('x', 'X', ['a'], { a: '1' }))).toContain('given twice');
  });

  test.each(['', '1x', 'a b', 'é', undefined, 5])('metric name %j is refused', (name) => {
    expect(refusal(() => scope.createCounter(name as string, 'X'))).toContain('must be a string that matches');
  });

  test.each(['', '  ', undefined])('help %j is refused', (help) => {
    expect(refusal(() => scope.createCounter('x_total', help as string))).toContain('`help`');
  });
});
