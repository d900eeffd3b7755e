import { collectDefaultMetrics, Counter, Gauge, Histogram, type Metric, Registry, Summary } from 'prom-client';
import { OPENMETRICS } from '../../lib/metrics/exposition/format';
import { canonicalText } from '../../lib/metrics/exposition/numbers';
import { renderText } from '../../lib/metrics/exposition/render';
import { storeOf } from '../../lib/metrics/store';
import { type ParsedSample, parseOpenMetrics, parseText } from '../support/exposition-parser';

let registry: Registry;

beforeEach(() => {
  registry = new Registry();
});

const openMetrics = () => renderText(registry, { format: 'openmetrics' });

/** The scrape without what the library says of itself. */
async function foreign(format: 'text' | 'openmetrics'): Promise<string> {
  const text = await renderText(registry, { format });
  return text.replace(/# (?:HELP|TYPE) profiled_scrape_errors[^]*\} 0\n/, '');
}

/** A metric as another library might put it into the registry. */
function add(type: string, name: string, help: string, values: object[]): void {
  const family = { name, type, help, values, aggregator: 'sum' };
  registry.registerMetric({ ...family, get: async () => family, reset() {} } as unknown as Metric);
}

/** The examples that Prometheus and OpenMetrics publish for their formats. */
const EXAMPLES: [string, () => void, string, string][] = [
  [
    'a counter with labels',
    () =>
      add('counter', 'http_requests_total', 'The total number of HTTP requests.', [
        { labels: { method: 'post', code: '200' }, value: 1027 },
        { labels: { method: 'post', code: '400' }, value: 3 },
      ]),
    '# HELP http_requests_total The total number of HTTP requests.\n# TYPE http_requests_total counter\n' +
      'http_requests_total{method="post",code="200"} 1027\nhttp_requests_total{method="post",code="400"} 3\n',
    '# TYPE http_requests counter\n# HELP http_requests The total number of HTTP requests.\n' +
      'http_requests_total{method="post",code="200"} 1027\nhttp_requests_total{method="post",code="400"} 3\n',
  ],
  [
    'what has to be escaped',
    () =>
      add('untyped', 'msdos_file_access_time_seconds', 'A "quoted" \\ help\nin two lines', [
        { labels: { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' }, value: 1458255915 },
      ]),
    '# HELP msdos_file_access_time_seconds A "quoted" \\\\ help\\nin two lines\n' +
      '# TYPE msdos_file_access_time_seconds untyped\n' +
      'msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1458255915\n',
    '# TYPE msdos_file_access_time_seconds unknown\n# UNIT msdos_file_access_time_seconds seconds\n' +
      '# HELP msdos_file_access_time_seconds A \\"quoted\\" \\\\ help\\nin two lines\n' +
      'msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1458255915\n',
  ],
  [
    'a histogram',
    () =>
      add('histogram', 'http_request_duration_seconds', 'A histogram of the request duration.', [
        ...[
          [0.05, 24054],
          [1, 129389],
          ['+Inf', 144320],
        ].map(([le, value]) => ({
          metricName: 'http_request_duration_seconds_bucket',
          labels: { le },
          value,
        })),
        { metricName: 'http_request_duration_seconds_sum', labels: {}, value: 53423 },
        { metricName: 'http_request_duration_seconds_count', labels: {}, value: 144320 },
      ]),
    '# HELP http_request_duration_seconds A histogram of the request duration.\n' +
      '# TYPE http_request_duration_seconds histogram\n' +
      'http_request_duration_seconds_bucket{le="0.05"} 24054\nhttp_request_duration_seconds_bucket{le="1"} 129389\n' +
      'http_request_duration_seconds_bucket{le="+Inf"} 144320\n' +
      'http_request_duration_seconds_sum 53423\nhttp_request_duration_seconds_count 144320\n',
    '# TYPE http_request_duration_seconds histogram\n# UNIT http_request_duration_seconds seconds\n' +
      '# HELP http_request_duration_seconds A histogram of the request duration.\n' +
      'http_request_duration_seconds_bucket{le="0.05"} 24054\nhttp_request_duration_seconds_bucket{le="1.0"} 129389\n' +
      'http_request_duration_seconds_bucket{le="+Inf"} 144320\n' +
      'http_request_duration_seconds_sum 53423\nhttp_request_duration_seconds_count 144320\n',
  ],
  [
    'a summary',
    () =>
      add('summary', 'rpc_duration', 'A summary.', [
        { labels: { quantile: 0.01 }, value: 3102 },
        { labels: { quantile: 1 }, value: 76656 },
        { metricName: 'rpc_duration_sum', labels: {}, value: 17560473 },
        { metricName: 'rpc_duration_count', labels: {}, value: 2693 },
      ]),
    '# HELP rpc_duration A summary.\n# TYPE rpc_duration summary\nrpc_duration{quantile="0.01"} 3102\n' +
      'rpc_duration{quantile="1"} 76656\nrpc_duration_sum 17560473\nrpc_duration_count 2693\n',
    '# TYPE rpc_duration summary\n# HELP rpc_duration A summary.\nrpc_duration{quantile="0.01"} 3102\n' +
      'rpc_duration{quantile="1.0"} 76656\nrpc_duration_sum 17560473\nrpc_duration_count 2693\n',
  ],
];

describe('published examples', () => {
  test.each(EXAMPLES)('%s', async (_, register, text, open) => {
    register();
    expect(await foreign('text')).toBe(`${text}\n`);
    expect(await foreign('openmetrics')).toBe(`${open}# EOF\n`);
    expect(parseText(await renderText(registry)).length).toBe(parseOpenMetrics(await openMetrics()).length);
  });
});

describe('OpenMetrics', () => {
  test.each([
    ['requests_total', 'requests', 'requests_total'],
    ['requests', 'requests', 'requests_total'],
    ['request_bytes_total', 'request_bytes', 'request_bytes_total'],
  ])('counter %s is family %s with samples %s', (name, family, sample) => {
    expect(OPENMETRICS.names(name, 'counter', () => false)).toEqual({ family, sample, type: 'counter' });
  });

  test('a counter whose names are those of another metric is unknown, under its own', async () => {
    new Gauge({ name: 'jobs', help: 'now', registers: [registry] }).set(1);
    new Counter({ name: 'jobs_total', help: 'ever', registers: [registry] }).inc(2);
    new Counter({ name: 'x', help: 'x', registers: [registry] }).inc(3);
    new Gauge({ name: 'x_created', help: 'x', registers: [registry] }).set(4);
    const families = parseOpenMetrics(await openMetrics());
    const shown = families.map(({ name, type, samples }) => [name, type, samples[0]!.name, samples[0]!.value]);
    expect(shown.slice(0, 4)).toEqual([
      ['jobs', 'gauge', 'jobs', 1],
      ['jobs_total', 'unknown', 'jobs_total', 2],
      ['x', 'unknown', 'x', 3],
      ['x_created', 'gauge', 'x_created', 4],
    ]);
  });

  test("takes prom-client's metrics of the process", async () => {
    collectDefaultMetrics({ register: registry });
    const families = parseOpenMetrics(await openMetrics());
    const cpu = families.find(({ name }) => name === 'process_cpu_seconds')!;
    expect(cpu).toMatchObject({ type: 'counter', unit: 'seconds', samples: [{ name: 'process_cpu_seconds_total' }] });
  });

  test.each([
    [0, '0.0'],
    [0.001, '0.001'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1e-10, '1e-10'],
    [1, '1.0'],
    [10, '10.0'],
    [100_000, '100000.0'],
    [1e6, '1e+06'],
    [1.5e21, '1.5e+21'],
    [-2, '-2.0'],
    ['+Inf', '+Inf'],
    ['0.5', '0.5'],
    ['what', 'what'],
    ['', ''],
  ])('writes the bound %s as %s', (bound, text) => {
    expect(canonicalText(bound)).toBe(text);
  });

  test('has what prom-client has in its own OpenMetrics scrape, exemplars too', async () => {
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    const counter = new Counter({
      name: 'hits_total',
      help: 'h',
      labelNames: ['code'],
      enableExemplars: true,
      registers: [registry],
    });
    counter.inc({ labels: { code: '300' }, value: 1, exemplarLabels: { traceId: 'trace "1"', spanId: '\n' } } as never);
    const histogram = new Histogram({
      name: 'took_seconds',
      help: 't',
      labelNames: ['method'],
      buckets: [1, 10],
      enableExemplars: true,
      registers: [registry],
    });
    for (const value of [0.5, 5, 50]) {
      histogram.observe({ labels: { method: 'get' }, value, exemplarLabels: { traceId: `t${value}` } } as never);
    }
    const ours = parseOpenMetrics(await foreign('openmetrics')).flatMap(({ samples }) => samples);
    const stock = new Registry();
    stock.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    for (const metric of registry.getMetricsAsArray().slice(0, 2)) stock.registerMetric(metric as unknown as Metric);
    const theirs = parseOpenMetrics(await stock.metrics()).flatMap(({ samples }) => samples);
    const plain = ({ labels, exemplar, ...sample }: ParsedSample) => ({
      ...sample,
      labels: labels.le === undefined ? labels : { ...labels, le: Number(labels.le.replace('+Inf', 'Infinity')) },
      exemplar: exemplar && { labels: exemplar.labels, value: exemplar.value },
    });
    expect(ours.map(plain)).toEqual(theirs.map(plain));
    expect(ours.filter(({ exemplar }) => exemplar)).toHaveLength(4);
    expect(await renderText(registry)).not.toContain('trace');
  });

  test('two scrapes in different formats at once do not disturb each other, nor what comes after', async () => {
    new Counter({ name: 'foreign_total', help: 'f', registers: [registry] }).inc(3);
    storeOf(registry).family({ type: 'counter', name: 'ours_total', help: 'o', labelNames: [] }).series({}).inc(4);
    new Summary({ name: 's', help: 's', registers: [registry] }).observe(1);
    const [text, open] = [await renderText(registry), await openMetrics()];
    const texts = await Promise.all([renderText(registry), openMetrics(), renderText(registry), openMetrics()]);
    expect(texts).toEqual([text, open, text, open]);
    expect(await renderText(registry)).toBe(text);
    expect(registry.contentType).toBe(Registry.PROMETHEUS_CONTENT_TYPE);
  });
});

describe('exemplars of our own families', () => {
  const exemplar = (trace_id: string, value: number) => ({ labels: { trace_id }, value, timestamp: 1520879607.789 });

  test('stand behind counters and buckets, in OpenMetrics alone, until another takes their place', async () => {
    const store = storeOf(registry);
    const errors = store.family({ type: 'counter', name: 'errors_total', help: 'e', labelNames: [] }).series({});
    const took = store
      .family({ type: 'histogram', name: 'took_seconds', help: 't', labelNames: [], buckets: [1] })
      .series({});
    errors.inc();
    took.observe(0.5);
    await openMetrics();
    errors.exemplar = exemplar('é"1', 1);
    took.exemplars = [exemplar('2', 0.5)];
    const first = await openMetrics();
    expect(first).toContain('\nerrors_total 1 # {trace_id="é\\"1"} 1 1520879607.789\n');
    expect(first).toContain('\ntook_seconds_bucket{le="1.0"} 1 # {trace_id="2"} 0.5 1520879607.789\n');
    expect(first).toContain('\ntook_seconds_bucket{le="+Inf"} 1\n');
    parseOpenMetrics(first);
    expect(await renderText(registry)).not.toContain('trace_id');
    took.exemplars = [undefined, exemplar('3', 7)];
    took.observe(7);
    errors.exemplar = exemplar('x'.repeat(121), 1);
    const second = await openMetrics();
    expect(second).toContain('\nerrors_total 1\n');
    expect(second).toContain('le="1.0"} 1\n');
    expect(second).toContain('le="+Inf"} 2 # {trace_id="3"} 7 1520879607.789\n');
    registry.resetMetrics();
    expect(await openMetrics()).not.toContain('trace_id');
  });

  test('are there for a stock registry under its OpenMetrics content type', async () => {
    const store = storeOf(registry);
    store.family({ type: 'counter', name: 'errors_total', help: 'e', labelNames: [] }).series({}).exemplar = exemplar(
      '1',
      1,
    );
    expect(await registry.metrics()).not.toContain('trace_id');
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    expect(await registry.metrics()).toContain('errors_total 0 # {trace_id="1"} 1 1520879607.789\n');
  });

  test('a gauge shows none', async () => {
    const gauge = storeOf(registry).family({ type: 'gauge', name: 'g', help: 'g', labelNames: [] }).series({});
    gauge.exemplar = exemplar('1', 1);
    expect(await openMetrics()).toContain('\ng 0\n');
  });
});

describe('a filter of names', () => {
  test.each([
    [['jobs_total'], ['jobs_total']],
    [['jobs'], ['jobs_total']],
    [
      ['took_seconds_bucket', 'sizes_count'],
      ['took_seconds', 'sizes'],
    ],
    [['level', 'nothing'], ['level']],
    [['level_sum', 'jobs_created'], []],
  ])('%j shows %j and asks no other metric', async (names, shown) => {
    const asked: string[] = [];
    const config = (name: string) => ({
      name,
      help: name,
      registers: [registry],
      collect: () => void asked.push(name),
    });
    new Counter(config('jobs_total'));
    new Histogram(config('took_seconds'));
    new Summary(config('sizes'));
    new Gauge(config('level'));
    const families = parseText(await renderText(registry, { names: new Set(names) }));
    expect(families.map(({ name }) => name)).toEqual(shown);
    expect(asked).toEqual(shown);
  });
});
