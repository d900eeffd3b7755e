import { collectDefaultMetrics, Counter, Gauge, Histogram, type Metric, Registry, Summary } from 'prom-client';
import { log } from '../../lib/internal/logger';
import { renderText } from '../../lib/metrics/exposition/render';
import { standardSeries } from '../../lib/metrics/standard';
import { resolveNaming } from '../../lib/metrics/standard';
import { storeOf } from '../../lib/metrics/store';

const OPENMETRICS = Registry.OPENMETRICS_CONTENT_TYPE;

let registry: Registry;

beforeEach(() => {
  registry = new Registry();
});

/** The text without what the library says of its own scrapes. */
async function foreignText(options?: { timeoutMs?: number }): Promise<string> {
  const families = (await renderText(registry, options)).trimEnd().split('\n\n');
  return `${families.filter((family) => !family.includes('profiled_scrape_errors_total')).join('\n\n')}\n`;
}

async function scrapeErrors(): Promise<Record<string, number>> {
  await Promise.resolve();
  return {
    error: storeOf(registry).scrapeErrors('error').value,
    timeout: storeOf(registry).scrapeErrors('timeout').value,
  };
}

function addForeignMetrics(registers: Registry[]): void {
  const labelNames = ['route', 'method'];
  const counter = new Counter({ name: 'jobs_total', help: 'Jobs, "quoted" \\ and\nbroken', labelNames, registers });
  counter.inc({ route: '/a"b\\c\nd', method: 'GET' }, 2.5);
  counter.inc({ method: 'PUT', route: 'é日本' });
  new Counter({ name: 'plain_total', help: 'No labels', registers }).inc(1e21);
  new Gauge({ name: 'temperature_celsius', help: 'A gauge', registers }).set(-0.1);
  const limits = new Gauge({ name: 'limits', help: 'The ends', labelNames: ['end'], registers });
  limits.set({ end: 'up' }, Infinity);
  limits.set({ end: 'down' }, -Infinity);
  new Gauge({ name: 'empty', help: 'Labels but no series', labelNames, registers });
  const histogram = new Histogram({ name: 'took_seconds', help: 'h', labelNames, buckets: [0.1, 1, 10], registers });
  for (const seconds of [0.05, 0.5, 50]) histogram.observe({ method: 'GET', route: '/x' }, seconds);
  histogram.observe({ method: 'PUT', route: '/y' }, 1);
  new Histogram({ name: 'bare_seconds', help: 'No labels', registers }).observe(3);
  const summary = new Summary({
    name: 'sizes_bytes',
    help: 's',
    labelNames: ['kind'],
    percentiles: [0.5, 0.9],
    registers,
  });
  for (let i = 1; i <= 10; i++) summary.observe({ kind: 'big' }, i);
  new Summary({ name: 'bare_summary', help: 'No labels', registers }).observe(1);
}

describe('metrics of others', () => {
  test('all four types are written byte for byte as prom-client writes them', async () => {
    addForeignMetrics([registry]);
    expect(await foreignText()).toBe(await withoutOwn(registry));
  });

  test('so are they with default labels, which a sample of its own can override', async () => {
    registry.setDefaultLabels({ app: 'x "y"', method: 'default' });
    addForeignMetrics([registry]);
    const text = await foreignText();
    expect(text).toBe(await withoutOwn(registry));
    expect(text).toContain('plain_total{app="x \\"y\\"",method="default"}');
    expect(text).toContain('took_seconds_count{app="x \\"y\\"",method="GET",route="/x"} 3');
  });

  test("so are prom-client's metrics of the process", async () => {
    collectDefaultMetrics({ register: registry });
    const names = (text: string) => text.match(/^# .*$/gm);
    expect(names(await foreignText())).toEqual(names(await withoutOwn(registry)));
  });

  test('a value that is no number is NaN, as Prometheus spells it', async () => {
    new Gauge({ name: 'broken', help: 'b', registers: [registry] }).set(NaN);
    expect(await renderText(registry)).toContain('\nbroken NaN\n');
  });

  test('an empty registry shows that nothing failed', async () => {
    expect(await renderText(registry)).toBe(
      '# HELP profiled_scrape_errors_total Total number of metrics, or of answers of workers, that a scrape had to leave out, by reason\n' +
        '# TYPE profiled_scrape_errors_total counter\n' +
        'profiled_scrape_errors_total{reason="error"} 0\n' +
        'profiled_scrape_errors_total{reason="timeout"} 0\n',
    );
  });
});

describe('a metric that fails', () => {
  const healthy = () => new Gauge({ name: 'healthy', help: 'h', registers: [registry] }).set(1);

  test.each([
    [
      'throws',
      () => {
        throw new Error('no data');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no data'))],
    [
      'throws nothing at all',
      () => {
        throw undefined;
      },
    ],
  ])('that %s costs only itself, is counted in the same scrape and logged with its name', async (_, collect) => {
    const lines: unknown[] = [];
    log.use('error', (level, fields, message) => lines.push({ level, message, metric: fields.metric }));
    new Gauge({ name: 'broken', help: 'b', registers: [registry], collect });
    healthy();
    const text = await renderText(registry);
    log.use('off', () => {});
    expect(text).toContain('\nhealthy 1\n');
    expect(text).not.toContain('broken');
    expect(text).toContain('profiled_scrape_errors_total{reason="error"} 1');
    expect(text).toContain('profiled_scrape_errors_total{reason="timeout"} 0');
    expect(lines).toEqual([{ level: 'error', message: 'metric broken was left out of a scrape', metric: 'broken' }]);
  });

  test('that never answers costs only itself and the time limit', async () => {
    new Gauge({ name: 'stuck', help: 's', registers: [registry], collect: () => new Promise<void>(() => {}) });
    healthy();
    const text = await renderText(registry, { timeoutMs: 5 });
    expect(text).toContain('\nhealthy 1\n');
    expect(text).not.toContain('stuck');
    expect(text).toContain('profiled_scrape_errors_total{reason="timeout"} 1');
  });

  test('that answers too late with an error leaves no unhandled rejection and is counted once', async () => {
    let fail!: (error: Error) => void;
    const late = new Promise<void>((_, reject) => (fail = reject));
    new Gauge({ name: 'late', help: 'l', registers: [registry], collect: () => late });
    await renderText(registry, { timeoutMs: 5 });
    fail(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await scrapeErrors()).toEqual({ error: 0, timeout: 1 });
  });

  test('all metrics are asked in the same tick', () => {
    const asked: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      new Gauge({
        name,
        help: name,
        registers: [registry],
        collect: () => {
          asked.push(name);
          return new Promise<void>(() => {});
        },
      });
    }
    void renderText(registry, { timeoutMs: 1 });
    expect(asked).toEqual(['a', 'b', 'c']);
  });

  test('where something else holds the name of the failure counter, failures still cost only themselves', async () => {
    new Gauge({ name: 'profiled_scrape_errors_total', help: 'mine', registers: [registry] }).set(7);
    new Gauge({ name: 'broken', help: 'b', registers: [registry], collect: () => Promise.reject(new Error('x')) });
    const text = await renderText(registry);
    expect(text).toContain('\nprofiled_scrape_errors_total 7\n');
    expect(text).not.toContain('broken');
  });
});

describe('OpenMetrics scrapes of the same registry', () => {
  test('once or three times, they change nothing in ours', async () => {
    new Counter({ name: 'foreign_total', help: 'f', registers: [registry] }).inc(3);
    storeOf(registry).family({ type: 'counter', name: 'ours_total', help: 'o', labelNames: [] }).series({}).inc(4);
    for (let i = 0; i < 3; i++) {
      registry.setContentType(OPENMETRICS as never);
      await registry.metrics();
      const text = await renderText(registry);
      expect(text).toContain('# TYPE foreign_total counter\nforeign_total 3\n');
      expect(text).toContain('# TYPE ours_total counter\nours_total 4\n');
      expect(text).not.toContain('# EOF');
      expect(registry.contentType).toBe(OPENMETRICS);
    }
  });

  test('a counter whose name ends in _total twice is recovered, too', async () => {
    new Counter({ name: 'x_total_total', help: 'f', registers: [registry] }).inc(1);
    registry.setContentType(OPENMETRICS as never);
    await registry.metrics();
    await registry.metrics();
    expect(await renderText(registry)).toContain('\nx_total_total 1\n');
  });

  test('a counter is not mistaken for a gauge that has its shortened name', async () => {
    new Gauge({ name: 'jobs', help: 'now', registers: [registry] }).set(1);
    new Counter({ name: 'jobs_total', help: 'ever', registers: [registry] }).inc(2);
    registry.setContentType(OPENMETRICS as never);
    await registry.metrics();
    const text = await renderText(registry);
    expect(text).toContain('# TYPE jobs gauge\njobs 1\n');
    expect(text).toContain('# TYPE jobs_total counter\njobs_total 2\n');
  });
});

describe('families of this package', () => {
  const address = { namespace: 'ns', component: 'c', endpoint: 'e' };

  test('have their labels in alphabetical order with le last, as documented', async () => {
    standardSeries(storeOf(registry), address, resolveNaming({ labels: { zone: 'z' } }));
    const text = await renderText(registry);
    expect(text).toContain(
      'request_duration_seconds_bucket{component="c",endpoint="e",namespace="ns",zone="z",le="0.005"} 0\n',
    );
    expect(text).toContain(
      'errors_total{component="c",endpoint="e",error_type="generate",namespace="ns",zone="z"} 0\n',
    );
  });

  test('take default labels into that order, and their own value wins', async () => {
    registry.setDefaultLabels({ app: 'x', namespace: 'default', zone: 'z' });
    standardSeries(storeOf(registry), address, resolveNaming({}));
    const text = await renderText(registry);
    expect(text).toContain(
      'request_duration_seconds_bucket{app="x",component="c",endpoint="e",namespace="ns",zone="z",le="+Inf"} 0\n',
    );
  });

  test('summaries have quantile last', async () => {
    const family = storeOf(registry).family({ type: 'summary', name: 's_bytes', help: 's', labelNames: ['zone'] });
    family.series({ zone: 'a' }).observe(5);
    expect(await renderText(registry)).toContain('\ns_bytes{zone="a",quantile="0.5"} 5\n');
  });

  test('escape what a label value may hold', async () => {
    const family = storeOf(registry).family({ type: 'gauge', name: 'g', help: 'a\\b\nc', labelNames: ['v'] });
    family.series({ v: 'say "hi"\\\n' }).set(1);
    const text = await renderText(registry);
    expect(text).toContain('# HELP g a\\\\b\\nc\n');
    expect(text).toContain('g{v="say \\"hi\\"\\\\\\n"} 1\n');
  });
});

async function withoutOwn(source: Registry): Promise<string> {
  const stock = new Registry();
  stock.setDefaultLabels((source as unknown as { _defaultLabels: object })._defaultLabels);
  for (const metric of source.getMetricsAsArray()) {
    if (metric.name !== 'profiled_scrape_errors_total') stock.registerMetric(metric as unknown as Metric);
  }
  return stock.metrics();
}
