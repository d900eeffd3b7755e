import { parse } from 'yaml';
import { DEFAULT_BUCKETS } from '../../lib';
import { ADMISSION_METRICS, STANDARD_METRICS, STREAM_METRICS } from '../../lib/metrics/names';
import { profiled } from '../cli/command';
import { describeWith, promtool } from '../support/installed-tool';
import type { Result } from './app';
import { type Application, startApplication } from './application';
import type { Work } from './handlers';
import { type Prometheus, type Sample, startPrometheus } from './prometheus';

const JOBS = ['openmetrics', 'text'];
const HANDLERS = ['--require', 'ts-node/register/transpile-only', '__tests__/e2e/handlers.ts'];
const STREAM = 'namespace="e2e",component="app",endpoint="stream"';

/** A hundred and forty requests: most of them fast, each tenth slow, each tenth fails, each tenth is cancelled, every route another. */
const WORK: readonly Work[] = Array.from({ length: 140 }, (_, i) => ({
  ms: i % 10 === 3 ? 300 : i % 3 === 0 ? 60 : 15,
  items: 3,
  bytes: 100 + i,
  fate: i % 10 === 5 ? 'fail' : i % 10 === 7 ? 'cancel' : 'ok',
  route: `/route/${i}`,
}));
const count = (fate: Work['fate']) => WORK.filter((work) => work.fate === fate).length;
/** The trace that ten requests from number `i` on are part of. */
const traceOf = (i: number) => (i + 1).toString(16).padStart(32, '0');
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

jest.setTimeout(60_000);

describeWith('prometheus')('a live Prometheus', () => {
  let application: Application;
  let prometheus: Prometheus;
  let rules: string;
  const results: Result[] = [];

  /** The one value of `expr` for each job, in the order of the jobs. */
  const values = async (expr: string): Promise<number[]> => {
    const samples = await prometheus.query(expr);
    return JOBS.map((job) => {
      const own = samples.filter(({ metric }) => metric.job === job);
      if (own.length !== 1) throw new Error(`${own.length} series for ${job}: ${expr}`);
      return own[0]!.value;
    });
  };
  const inBoth = (value: number) => (samples: readonly Sample[]) =>
    samples.length === JOBS.length && samples.every((sample) => sample.value === value);

  beforeAll(async () => {
    const flags = ['--window', '4s', '--for', '1s', '--latency-objective', '5'];
    const [printed, started] = await Promise.all([profiled(['rules', ...flags, ...HANDLERS]), startApplication()]);
    rules = printed.stdout;
    application = started;
    const { target, textTarget } = application;
    prometheus = await startPrometheus({ targets: { openmetrics: target, text: textTarget }, rules });
    // Counters have to be seen at 0 before they grow.
    await prometheus.until(`requests_total{${STREAM}}`, inBoth(0), 60_000);
    await application.send({ crowd: true });
    for (let i = 0; i < WORK.length; i += 10) {
      results.push(...(await application.send<Result[]>({ run: WORK.slice(i, i + 10), traceId: traceOf(i) })));
    }
    await prometheus.until(`request_duration_seconds_count{${STREAM}}`, inBoth(WORK.length));
  }, 120_000);

  afterAll(async () => {
    await prometheus?.stop();
    await application?.stop();
  });

  test('scrapes both formats', async () => {
    const bucket = (le: string) => prometheus.query(`request_duration_seconds_bucket{${STREAM},le="${le}"}`);
    expect((await bucket('1.0')).map(({ metric }) => metric.job)).toEqual(['openmetrics']);
    expect((await bucket('1')).map(({ metric }) => metric.job)).toEqual(['text']);
    expect(await values('up')).toEqual([1, 1]);
  });

  test.each([
    ['requests', `requests_total{${STREAM}}`, () => WORK.length],
    ['requests of the other handler', 'requests_total{endpoint="double"}', () => 1],
    ['requests that were let in', 'queue_wait_seconds_count{endpoint="limited"}', () => 2],
    ['requests that were refused', 'rejected_requests_total{endpoint="limited",reason="queue_full"}', () => 1],
    ['requests in flight', `concurrent_requests{${STREAM}}`, () => 0],
    ['failures', `errors_total{${STREAM},error_type="generate"}`, () => count('fail')],
    ['failures of all types', `sum by (job) (errors_total{${STREAM}})`, () => count('fail')],
    ['cancellations', `cancellation_total{${STREAM}}`, () => count('cancel')],
    ['items', `response_items_total{${STREAM}}`, () => WORK.length * 3 - count('cancel') * 2],
    ['streams that came to their end', `stream_outcomes_total{${STREAM},outcome="success"}`, () => count('ok')],
    ['streams that failed', `stream_outcomes_total{${STREAM},outcome="error"}`, () => count('fail')],
    ['streams that were left', `stream_outcomes_total{${STREAM},outcome="cancelled"}`, () => count('cancel')],
    ['first items', `time_to_first_response_seconds_count{${STREAM}}`, () => WORK.length],
    ['bytes of requests', `request_bytes_total{${STREAM}}`, () => sum(WORK.map((work) => JSON.stringify(work).length))],
    ['bytes of responses', `response_bytes_total{${STREAM}}`, () => sum(results.map(({ bytes }) => bytes))],
    [
      'growth from the first scrape on',
      `max_over_time(requests_total{${STREAM}}[5m]) - min_over_time(requests_total{${STREAM}}[5m])`,
      () => WORK.length,
    ],
    [
      'values of a label, all but a hundred of them as one',
      'sum by (job) (profiled_label_overflow_total{metric="e2e_routes_total"})',
      () => WORK.length - 100,
    ],
  ])('has the exact number of %s', async (_, expr, expected) => {
    expect(await values(expr)).toEqual([expected(), expected()]);
  });

  test('has the share of failures and of cancellations', async () => {
    const ended = `rate(request_duration_seconds_count{${STREAM}}[5m])`;
    const share = (name: string) => values(`sum by (job) (rate(${name}{${STREAM}}[5m])) / sum by (job) (${ended})`);
    for (const value of await share('errors_total')) expect(value).toBeCloseTo(count('fail') / WORK.length, 9);
    for (const value of await share('cancellation_total')) expect(value).toBeCloseTo(count('cancel') / WORK.length, 9);
  });

  test('has the rate, as far as the ends of a window allow', async () => {
    for (const name of ['requests_total', 'request_duration_seconds_count']) {
      for (const value of await values(`rate(${name}{${STREAM}}[5m]) * 300`)) {
        expect(value / WORK.length).toBeGreaterThan(0.99);
        expect(value / WORK.length).toBeLessThan(1.25);
      }
    }
  });

  test('has the duration: its sum to the millisecond a request, its quantiles to the bucket', async () => {
    const seconds = results.map((result) => result.seconds).sort((a, b) => a - b);
    for (const value of await values(`request_duration_seconds_sum{${STREAM}}`)) {
      expect(Math.abs(value - sum(seconds))).toBeLessThan(seconds.length * 0.001);
    }
    const bucketOf = (value: number) => DEFAULT_BUCKETS.findIndex((bound) => value <= bound);
    for (const q of [0.5, 0.99]) {
      const measured = seconds[Math.ceil(q * seconds.length) - 1]!;
      const expr = `histogram_quantile(${q}, sum by (job, le) (rate(request_duration_seconds_bucket{${STREAM}}[5m])))`;
      for (const value of await values(expr)) {
        expect(Math.abs(bucketOf(value) - bucketOf(measured))).toBeLessThanOrEqual(1);
      }
    }
  });

  test('has exemplars, from OpenMetrics alone: the traces of the driver, inside their buckets', async () => {
    interface Series {
      readonly seriesLabels: Readonly<Record<string, string>>;
      readonly exemplars: readonly { labels: Readonly<Record<string, string>>; value: string }[];
    }
    const now = Date.now() / 1000;
    const stored = (query: string) =>
      prometheus.get<Series[]>('query_exemplars', { query, start: String(now - 300), end: String(now) });
    const traces = WORK.map((_, i) => traceOf(i - (i % 10)));
    const last = traces.at(-1)!;

    const errors = await stored(`errors_total{${STREAM}}`);
    expect(errors.map(({ seriesLabels }) => seriesLabels)).toMatchObject([
      { job: 'openmetrics', error_type: 'generate' },
    ]);
    expect(errors[0]!.exemplars.at(-1)).toMatchObject({
      labels: { trace_id: last, span_id: '00f067aa0ba902b7' },
      value: '1',
    });

    const buckets = await stored(`request_duration_seconds_bucket{${STREAM}}`);
    expect(buckets.length).toBeGreaterThan(1);
    const found = buckets.flatMap(({ seriesLabels: { job, le }, exemplars }) => {
      expect(job).toBe('openmetrics');
      for (const { value } of exemplars)
        expect(Number(value)).toBeLessThanOrEqual(Number(le!.replace('+Inf', 'Infinity')));
      return exemplars.map(({ labels }) => labels.trace_id!);
    });
    expect(found).toContain(last);
    expect(found.filter((id) => !traces.includes(id))).toEqual([]);
  });

  test('gets the same from both formats', async () => {
    const all = { ...STANDARD_METRICS, ...STREAM_METRICS, ...ADMISSION_METRICS };
    for (const { name = 'concurrent_requests', type } of Object.values(all)) {
      const names = type === 'histogram' ? ['_bucket', '_count', '_sum'].map((suffix) => name + suffix) : [name];
      for (const one of names) {
        const of = async (job: string) => {
          const samples = await prometheus.query(`${one}{job="${job}",namespace="e2e"}`);
          const texts = samples.map(({ metric, value }) => {
            const { job: _, instance: __, le, ...labels } = metric;
            return JSON.stringify([Object.entries(labels).sort(), le && Number(le.replace('+Inf', 'Infinity')), value]);
          });
          return texts.sort();
        };
        const [openMetrics, text] = await Promise.all(JOBS.map(of));
        expect(openMetrics!.length).toBeGreaterThanOrEqual(1);
        expect(openMetrics).toEqual(text);
      }
    }
  });

  test('is content with every rule that was printed, and evaluates them all', async () => {
    type Groups = { groups: { name: string; rules: { health: string }[] }[] };
    const { groups } = parse(rules) as Groups;
    const loaded = await prometheus.get<Groups>('rules');
    const sizes = (file: Groups) => Object.fromEntries(file.groups.map(({ name, rules: own }) => [name, own.length]));
    expect(sizes(loaded)).toEqual(sizes({ groups }));
    for (const rule of loaded.groups.flatMap((group) => group.rules)) expect(rule).toMatchObject({ health: 'ok' });
    const recorded = await prometheus.until(
      `endpoint:errors:ratio_rate1h{${STREAM}}`,
      (samples) =>
        samples.length === 2 && samples.every(({ value }) => Math.abs(value - count('fail') / WORK.length) < 1e-9),
    );
    expect(recorded.map(({ metric }) => metric.job).sort()).toEqual(JOBS);
  });

  test.each([
    ['ProfiledErrorBudgetBurn', 'long_window="1h",severity="page"'],
    ['ProfiledLabelOverflow', 'metric="e2e_routes_total",label="route"'],
  ])('has seen %s fire', async (alert, labels) => {
    const expr = `max_over_time(ALERTS{alertname="${alert}",alertstate="firing",${labels}}[5m])`;
    expect(
      (await prometheus.until(expr, (samples) => samples.length === 2)).map(({ metric }) => metric.job).sort(),
    ).toEqual(JOBS);
  });

  test('has seen none of the others', async () => {
    const others = await prometheus.query(
      'max_over_time(ALERTS{alertname=~"Profiled(Stalled|SlowRequests|ScrapeErrors|SamplesDropped)",alertstate="firing"}[5m])',
    );
    expect(others).toEqual([]);
  });

  test('promtool has nothing to say of the scrape', async () => {
    const text = await application.scrape();
    expect(text).toContain(`requests_total{component="app",endpoint="stream",namespace="e2e"} ${WORK.length}\n`);
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, complaints: [] });
  });

  test('raises the alarm while a handler stalls, and no longer', async () => {
    const work: Work = { ms: 1, items: 1, bytes: 1, fate: 'stall', route: '/stall' };
    await application.send({ begin: work });
    const firing = `ALERTS{alertname="ProfiledStalled",alertstate="firing",${STREAM}}`;
    const alerts = await prometheus.until(firing, (samples) => samples.length === 2);
    expect(alerts.map(({ metric }) => metric.job).sort()).toEqual(JOBS);
    const { alerts: told } = await prometheus.get<{
      alerts: { labels: Sample['metric']; annotations: Sample['metric'] }[];
    }>('alerts');
    const summary = told.find(({ labels }) => labels.alertname === 'ProfiledStalled' && labels.job === 'openmetrics')!
      .annotations.summary;
    expect(summary).toBe(`e2e.app.stream on ${application.target} stalls`);
    await application.send({ release: true });
    await prometheus.until(firing, (samples) => samples.length === 0);
    // The stalling request has no number for its gauge, which nobody could have seen at 0.
    const dropped = 'ALERTS{alertname="ProfiledSamplesDropped",alertstate="firing",metric="e2e_items",reason="value"}';
    await prometheus.until(`max_over_time(${dropped}[5m])`, (samples) => samples.length === 2);
  });

  test('answers every query of the dashboard with data', async () => {
    interface Dashboard {
      readonly templating: { readonly list: readonly { name: string; query: { query: string } }[] };
      readonly panels: readonly { title: string; targets?: readonly { expr: string }[] }[];
    }
    const { stdout } = await profiled(['dashboard', ...HANDLERS]);
    const { templating, panels } = JSON.parse(stdout) as Dashboard;
    // As Grafana does: each variable with all of its values, and those before it put in.
    const chosen = new Map([['__rate_interval', '5m']]);
    const filled = (expr: string) => expr.replaceAll(/\$(\w+)/g, (_, name: string) => chosen.get(name) ?? `$${name}`);
    for (const { name, query } of templating.list.slice(1)) {
      const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(filled(query.query))!;
      chosen.set(name, (await prometheus.get<string[]>(`label/${label}/values`, { 'match[]': selector! })).join('|'));
    }
    expect(Object.fromEntries(chosen)).toEqual({
      __rate_interval: '5m',
      job: 'openmetrics|text',
      namespace: 'e2e',
      component: 'app',
      endpoint: 'double|limited|stream',
    });
    const queries = panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ title, expr: filled(expr) })),
    );
    expect(queries.length).toBeGreaterThan(15);
    for (const { title, expr } of queries) {
      const data = (await prometheus.query(expr)).filter(({ value }) => Number.isFinite(value));
      if (data.length === 0) throw new Error(`no data in "${title}": ${expr}`);
    }
  });
});
