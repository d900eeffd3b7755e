import { AggregatorRegistry, Gauge, Registry } from 'prom-client';
import { renderText } from '../../lib/metrics/exposition/render';
import { resolveNaming, standardSeries, type StandardSeries } from '../../lib/metrics/standard';
import { storeOf } from '../../lib/metrics/store';

const SORTED = 'component="c",endpoint="e",namespace="ns"';

let registry: Registry;
let series: StandardSeries;

beforeEach(() => {
  registry = new Registry();
  series = standardSeries(
    storeOf(registry),
    { namespace: 'ns', component: 'c', endpoint: 'e' },
    resolveNaming({ naming: 'plain' }),
  );
  series.requests.value += 3;
  series.inflight.value += 1;
  series.duration.observe(0.3);
});

interface JsonFamily {
  name: string;
  type: string;
  values: { value: number; labels: Record<string, unknown>; metricName?: string }[];
}

test('registry.metrics() shows our families', async () => {
  const text = await registry.metrics();
  expect(text).toContain(`# TYPE requests_total counter\nrequests_total{${SORTED}} 3\n`);
  expect(text).toContain(`request_duration_seconds_bucket{le="0.25",${SORTED}} 0\n`);
  expect(text).toContain(`request_duration_seconds_bucket{le="0.5",${SORTED}} 1\n`);
  expect(text).toContain(`request_duration_seconds_count{${SORTED}} 1\n`);
});

test('registry.getMetricsAsJSON() has every label on every sample, default labels too', async () => {
  registry.setDefaultLabels({ app: 'x' });
  const families = (await registry.getMetricsAsJSON()) as unknown as JsonFamily[];
  const labels = { namespace: 'ns', component: 'c', endpoint: 'e', app: 'x' };
  const requests = families.find(({ name }) => name === 'requests_total');
  expect(requests).toMatchObject({ type: 'counter', values: [{ value: 3, labels }] });
  const buckets = families.find(({ name }) => name === 'request_duration_seconds')!.values;
  expect(buckets.filter(({ labels: l }) => l.le !== undefined)).toHaveLength(12);
  for (const bucket of buckets) expect(bucket.labels).toMatchObject(labels);
  expect(await renderText(registry)).toContain(`requests_total{app="x",${SORTED}} 3`);
});

test('registry.getSingleMetric() finds them, getSingleMetricAsString() writes them', async () => {
  expect(registry.getSingleMetric('requests_total')).toHaveProperty('name', 'requests_total');
  expect(await registry.getSingleMetricAsString('requests_total')).toContain(`requests_total{${SORTED}} 3`);
});

test('registry.resetMetrics() takes counts to 0, keeps the series and what is going on right now', async () => {
  registry.resetMetrics();
  const text = await registry.metrics();
  expect(text).toContain(`requests_total{${SORTED}} 0\n`);
  expect(text).toContain(`request_duration_seconds_count{${SORTED}} 0\n`);
  expect(text).toContain(`concurrent_requests{${SORTED}} 1\n`);
  series.requests.value += 1;
  expect(await registry.metrics()).toContain(`requests_total{${SORTED}} 1\n`);
});

test('Registry.merge() joins our families with those of others, and both formats can be read from the result', async () => {
  const other = new Registry();
  new Gauge({ name: 'elsewhere', help: 'e', registers: [other] }).set(5);
  const merged = Registry.merge([registry, other]);
  expect(await merged.metrics()).toContain('\nelsewhere 5\n');
  expect(await merged.metrics()).toContain(`requests_total{${SORTED}} 3\n`);
  expect(await renderText(merged)).toContain(`requests_total{${SORTED}} 3\n`);
});

test('Registry.merge() of two registries that were both scraped here renders, although both had the failure counter', async () => {
  await renderText(registry);
  const merged = Registry.merge([registry, new Registry()]);
  expect(await renderText(merged)).toContain('profiled_scrape_errors_total{reason="error"} 0');
});

test('an OpenMetrics scrape of the stock registry is right, and so is every text scrape after it', async () => {
  const before = await registry.metrics();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const open = await registry.metrics();
  expect(open).toContain(`# TYPE requests counter\nrequests_total{${SORTED}} 3\n`);
  expect(open.endsWith('# EOF\n')).toBe(true);
  registry.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);
  expect(await registry.metrics()).toBe(before);
  expect(registry.getSingleMetric('requests_total')).toHaveProperty('name', 'requests_total');
});

test('cluster aggregation sums them', async () => {
  const worker = await registry.getMetricsAsJSON();
  const sum = await AggregatorRegistry.aggregate([worker, worker]).metrics();
  expect(sum).toMatch(/^requests_total\{.*\} 6$/m);
  expect(sum).toMatch(/^request_duration_seconds_count\{.*\} 2$/m);
});

test('a registry that was cleared gets its families back at 0 when they are asked for again', async () => {
  registry.clear();
  const again = standardSeries(
    storeOf(registry),
    { namespace: 'ns', component: 'c', endpoint: 'e' },
    resolveNaming({ naming: 'plain' }),
  );
  again.requests.value += 1;
  expect(await registry.metrics()).toContain(`requests_total{${SORTED}} 1\n`);
});
