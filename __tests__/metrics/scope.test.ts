import { Registry } from 'prom-client';
import { renderText } from '../../lib/metrics/exposition/render';
import type { Naming } from '../../lib/metrics/names';
import { MetricsScope } from '../../lib/metrics/scope';
import { type MetricStore, storeOf } from '../../lib/metrics/store';

let registry: Registry;
let store: MetricStore;

beforeEach(() => {
  registry = new Registry();
  store = storeOf(registry);
});

const LEVELS = [
  {},
  { namespace: 'n' },
  { namespace: 'n', component: 'c' },
  { namespace: 'n', component: 'c', endpoint: 'e' },
] as const;

const EXPECTED: Record<Naming, readonly string[]> = {
  plain: [
    'x_total 1',
    'x_total{namespace="n"} 1',
    'x_total{component="c",namespace="n"} 1',
    'x_total{component="c",endpoint="e",namespace="n"} 1',
  ],
  dynamo: [
    'dynamo_component_x_total 1',
    'dynamo_component_x_total{dynamo_namespace="n"} 1',
    'dynamo_component_x_total{dynamo_component="c",dynamo_namespace="n"} 1',
    'dynamo_component_x_total{dynamo_component="c",dynamo_endpoint="e",dynamo_namespace="n"} 1',
  ],
};

describe.each(['plain', 'dynamo'] as const)('%s naming', (naming) => {
  test.each([0, 1, 2, 3])('level %i adds its labels', async (level) => {
    new MetricsScope(() => store, LEVELS[level]!, naming).createCounter('x_total', 'X').inc();
    const lines = (await renderText(registry)).split('\n');
    expect(lines).toContain(EXPECTED[naming][level]);
  });

  test('all levels share one family', async () => {
    for (const level of LEVELS) new MetricsScope(() => store, level, naming).createCounter('x_total', 'X').inc();
    const lines = (await renderText(registry)).split('\n').filter((line) => /^(dynamo_component_)?x_total/.test(line));
    expect(lines).toEqual(EXPECTED[naming]);
  });
});

test('every kind of metric records', async () => {
  const metrics = new MetricsScope(() => store, { namespace: 'n' }, 'plain');
  metrics.createCounter('c_total', 'C').inc(2);
  metrics.createCounterVec('cv_total', 'C', ['k']).labels({ k: 'a' }).inc();
  const gauge = metrics.createGauge('g', 'G', { unit: 'u' });
  gauge.set(5);
  gauge.dec(2);
  gauge.inc();
  metrics.createGaugeVec('gv', 'G', ['k']).labels({ k: 'a' }).set(-1);
  metrics.createHistogram('h_seconds', 'H', {}, [1, 2]).observe(1.5);
  metrics.createHistogramVec('hv_seconds', 'H', ['k'], {}, [1]).labels({ k: 'a' }).observe(1);
  const text = await renderText(registry);
  for (const line of [
    'c_total{namespace="n"} 2',
    'cv_total{k="a",namespace="n"} 1',
    'g{namespace="n",unit="u"} 4',
    'gv{k="a",namespace="n"} -1',
    'h_seconds_bucket{namespace="n",le="1"} 0',
    'h_seconds_bucket{namespace="n",le="2"} 1',
    'h_seconds_bucket{namespace="n",le="+Inf"} 1',
    'h_seconds_sum{namespace="n"} 1.5',
    'h_seconds_count{namespace="n"} 1',
    'hv_seconds_bucket{k="a",namespace="n",le="1"} 1',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test.each([-1, NaN, Infinity, '5'])('a counter drops %p, and says so', async (amount) => {
  const counter = new MetricsScope(() => store, {}, 'plain').createCounter('c_total', 'C');
  counter.inc(amount as number);
  const text = await renderText(registry);
  expect(text).toContain('\nc_total 0\n');
  expect(text).toContain('profiled_dropped_samples_total{metric="c_total",reason="value"} 1\n');
});

test('a metric created under dynamo naming with the prefix already there does not get it twice', async () => {
  new MetricsScope(() => store, {}, 'dynamo').createGauge('dynamo_component_g', 'G').set(1);
  expect(await renderText(registry)).toContain('\ndynamo_component_g 1\n');
});

test.each([[[]], [[2, 1]], [[1, 1]], [[1, Infinity]], ['wide']])('buckets %j are refused', (buckets) => {
  const metrics = new MetricsScope(() => store, {}, 'plain');
  expect(() => metrics.createHistogram('h', 'H', {}, buckets as number[])).toThrow(
    /PROFILED_CONFIG_INVALID: `buckets`/,
  );
});
