import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { eventually } from '../../support/eventually';
import { appStarter, scrape } from './app';

jest.setTimeout(120_000);

const start = appStarter();
const OPENMETRICS = { headers: { accept: 'application/openmetrics-text', 'accept-encoding': 'identity' } };
/** Long enough for a worker on a busy machine: no scrape but those that are to time out may do so. */
const patient = { handler: { collectTimeoutMs: 60_000 } };
/** Prometheus' own limit, of which a scrape takes 80 %, for those that are to time out. */
const hurried = { headers: { 'x-prometheus-scrape-timeout-seconds': '5' } };

const LABELS = { namespace: 'ns', component: 'comp', endpoint: 'ep' };

describe('a cluster of 4 workers', () => {
  test('is one scrape, whose numbers are those of the driver, in both formats', async () => {
    const app = await start({ kind: 'cluster', count: 4, ...patient });
    const calls = [10, 20, 30, 40];
    await Promise.all(calls.map((times, i) => app.tell(i + 1, 'call', times)));
    await app.tell(2, 'hold');
    await app.tell(4, 'hold');
    for (const asking of [undefined, OPENMETRICS]) {
      const { sum, samples } = await app.scrape(asking);
      expect(sum('requests_total', LABELS)).toBe(102);
      expect(sum('errors_total', { ...LABELS, error_type: 'generate' })).toBe(10);
      expect(sum('concurrent_requests', LABELS)).toBe(2);
      expect(sum('request_duration_seconds_count', LABELS)).toBe(100);
      expect(sum('request_duration_seconds_bucket', { ...LABELS, le: '+Inf' })).toBe(100);
      expect(samples.filter(({ name }) => name === 'uptime_seconds')).toHaveLength(1);
      for (const reason of ['worker', 'conflict', 'error', 'timeout']) {
        const counters = samples.filter(
          ({ name, labels }) => name === 'profiled_scrape_errors_total' && labels.reason === reason,
        );
        expect(counters).toMatchObject([{ value: 0 }]);
      }
    }
  });

  test('is scraped through any of its workers, and filtered and compressed as ever', async () => {
    const app = await start({ kind: 'cluster', count: 2, ...patient });
    await app.tell(1, 'call', 3);
    const worker = await app.tell(2, 'serve');
    const { sum } = await scrape(worker);
    expect(sum('requests_total')).toBe(3);
    const filtered = await scrape(`${app.address}/metrics?name[]=requests_total`);
    expect([...new Set(filtered.samples.map(({ name }) => name))]).toEqual(['requests_total']);
    expect(filtered.sum('requests_total')).toBe(3);
    const packed = request(`${app.address}/metrics`, { headers: { 'accept-encoding': 'gzip' } }).end();
    const [response] = (await once(packed, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.headers['content-encoding']).toBe('gzip');
  });

  test('two scrapes at once share one collection', async () => {
    const app = await start({ kind: 'cluster', count: 2, ...patient });
    await app.tell(1, 'stall');
    const asked = app.tell(0, 'asked');
    const scrapes = [app.scrape(hurried), app.scrape({ headers: { ...hurried.headers, ...OPENMETRICS.headers } })];
    await asked;
    for (const { status, sum } of await Promise.all(scrapes)) {
      expect(status).toBe(200);
      expect(sum('profiled_scrape_errors_total', { reason: 'worker' })).toBe(0);
      // The worker left its own metric out, once.
      expect(sum('profiled_scrape_errors_total', { reason: 'timeout' })).toBe(1);
    }
  });

  test("prom-client's own aggregation works beside it, and has our metrics", async () => {
    const app = await start({ kind: 'cluster', count: 3, ...patient });
    for (const worker of [1, 2, 3]) {
      await app.tell(worker, 'aggregator');
      await app.tell(worker, 'call', 2 * worker);
    }
    const theirs = await app.tell(0, 'clusterMetrics');
    expect(theirs).toMatch(/^requests_total\{.*\} 12$/m);
    expect((await app.scrape()).sum('requests_total')).toBe(12);
    await app.tell(1, 'processMetrics');
    await app.tell(2, 'processMetrics');
    const scraped = await app.scrape();
    expect(scraped.sum('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(scraped.samples.filter(({ name }) => name === 'nodejs_version_info')).toMatchObject([{ value: 1 }]);
    expect(scraped.samples.filter(({ name }) => name === 'process_start_time_seconds')).toEqual([]);
  });
});

describe('a worker label', () => {
  test('stands on every series, and the series of one that is gone go', async () => {
    const app = await start({ kind: 'cluster', count: 2, label: true, ...patient });
    await app.tell(1, 'call', 1);
    await app.tell(2, 'call', 2);
    const before = await app.scrape(OPENMETRICS);
    expect(before.values('worker').sort()).toEqual(['1', '2', 'main']);
    expect(before.samples.every(({ labels }) => labels.worker)).toBe(true);
    expect(before.sum('requests_total', { worker: '2' })).toBe(2);
    await app.tell(0, 'end', 1);
    expect((await app.scrape()).values('worker').sort()).toEqual(['2', 'main']);
  });

  test('may have a name of its own', async () => {
    const app = await start({ kind: 'cluster', count: 1, label: 'process', ...patient });
    expect((await app.scrape()).values('process').sort()).toEqual(['1', 'main']);
  });
});

describe('a worker that', () => {
  test('is killed in the middle of a scrape costs only what it had not told yet', async () => {
    const app = await start({ kind: 'cluster', count: 3, ...patient });
    for (const worker of [1, 2, 3]) await app.tell(worker, 'call', 10);
    await app.tell(1, 'hold');
    expect((await app.scrape()).sum('requests_total')).toBe(31);
    await app.tell(1, 'stall');
    await app.tell(2, 'call', 5);
    const asked = app.tell(0, 'asked');
    // Its time limit is a minute, and the answer does not wait for it.
    const scraping = app.scrape();
    await asked;
    const begin = performance.now();
    await app.tell(0, 'end', 1);
    const { status, sum } = await scraping;
    expect(performance.now() - begin).toBeLessThan(30_000);
    expect(status).toBe(200);
    expect(sum('requests_total')).toBe(36);
    expect(sum('concurrent_requests')).toBe(0);
    expect(sum('profiled_scrape_errors_total', { reason: 'worker' })).toBe(1);
  });

  test('is replaced leaves its totals behind, and takes its gauges along', async () => {
    const app = await start({ kind: 'cluster', count: 2, ...patient });
    await app.tell(1, 'call', 10);
    await app.tell(2, 'call', 1);
    await app.tell(1, 'hold');
    const before = await app.scrape();
    expect(before.sum('concurrent_requests')).toBe(1);
    const totals = async () => {
      const { sum } = await app.scrape();
      return [sum('requests_total'), sum('request_duration_seconds_count'), sum('errors_total')];
    };
    for (const [gone, next] of [
      [1, 3],
      [3, 4],
      [4, 5],
    ] as const) {
      await app.tell(0, 'end', gone);
      expect(await app.tell(0, 'start')).toBe(String(next));
      await app.tell(next, 'call', 10);
      await eventually('the new worker is there', async () => (await totals())[1]! >= 11 + (next - 2) * 10);
    }
    expect(await totals()).toEqual([42, 41, 4]);
    expect((await app.scrape()).sum('concurrent_requests')).toBe(0);
  });

  test('is blocked in a loop is counted, keeps its totals, and comes back', async () => {
    const app = await start({ kind: 'cluster', count: 2, ...patient });
    await app.tell(1, 'call', 10);
    await app.tell(2, 'call', 5);
    await app.scrape();
    await app.tell(1, 'hold');
    await app.tell(1, 'block');
    const { status, sum } = await app.scrape(hurried);
    expect(status).toBe(200);
    expect(sum('requests_total')).toBe(15);
    expect(sum('concurrent_requests')).toBe(0);
    expect(sum('profiled_scrape_errors_total', { reason: 'worker' })).toBe(1);
    // It owes an answer and is not waited for again, although this scrape would have a minute.
    const begin = performance.now();
    expect((await app.scrape()).sum('profiled_scrape_errors_total', { reason: 'worker' })).toBe(2);
    expect(performance.now() - begin).toBeLessThan(30_000);
    app.release();
    await eventually('it answers again', async () => (await app.scrape()).sum('concurrent_requests') === 1);
    expect((await app.scrape()).sum('requests_total')).toBe(16);
  });

  test('is stopped by a signal is left out likewise', async () => {
    const app = await start({ kind: 'cluster', count: 2, ...patient });
    await app.tell(1, 'call', 10);
    await app.scrape();
    await app.tell(0, 'signal', '1 SIGSTOP');
    try {
      const { sum } = await app.scrape(hurried);
      expect(sum('requests_total')).toBe(10);
      expect(sum('profiled_scrape_errors_total', { reason: 'worker' })).toBe(1);
    } finally {
      await app.tell(0, 'signal', '1 SIGCONT');
    }
    await eventually('it answers again', async () => {
      const [before, after] = [await app.scrape(), await app.scrape()];
      const count = (scraped: typeof before) => scraped.sum('profiled_scrape_errors_total', { reason: 'worker' });
      return count(before) === count(after);
    });
  });

  test('has not loaded the package is not waited for, and not counted', async () => {
    const app = await start({ kind: 'cluster', count: 2, without: [1], ...patient });
    await app.tell(2, 'call', 3);
    const { sum } = await app.scrape();
    expect(sum('requests_total')).toBe(3);
    expect(sum('profiled_scrape_errors_total', { reason: 'worker' })).toBe(0);
  });

  test('has a histogram with other bounds is left out of it and counted', async () => {
    const app = await start({ kind: 'cluster', count: 2, ...patient });
    await app.tell(1, 'histogram', 5);
    await app.tell(2, 'histogram', 7);
    const { samples } = await app.scrape();
    const buckets = samples.filter(({ name }) => name === 'sizes_bucket');
    expect(buckets).toMatchObject([
      { labels: { le: '5' }, value: 1 },
      { labels: { le: '+Inf' }, value: 1 },
    ]);
    expect((await app.scrape()).sum('profiled_scrape_errors_total', { reason: 'conflict' })).toBe(1);
  });
});

test('totals of one that is gone give way to other bounds of the living, once', async () => {
  const app = await start({ kind: 'cluster', count: 1, ...patient });
  await app.tell(1, 'histogram', 5);
  await app.tell(1, 'call', 2);
  expect((await app.scrape()).sum('sizes_count')).toBe(1);
  await app.tell(0, 'end', 1);
  await app.tell(0, 'start');
  await app.tell(2, 'histogram', 7);
  for (let i = 0; i < 3; i++) await app.scrape();
  const { samples, sum } = await app.scrape();
  expect(samples.filter(({ name }) => name === 'sizes_bucket')[0]).toMatchObject({ labels: { le: '7' }, value: 1 });
  expect(sum('requests_total')).toBe(2);
  expect(sum('profiled_scrape_errors_total', { reason: 'conflict' })).toBe(1);
});

describe('the system server of a cluster', () => {
  const env = { DYN_SYSTEM_PORT: '0', DYN_SYSTEM_HOST: '127.0.0.1' };

  test('is that of the primary', async () => {
    const app = await start({ kind: 'cluster', count: 2, ...patient }, env);
    expect(await app.tell(1, 'systemServer')).toBe('none');
    const address = await app.tell(0, 'systemServer');
    await app.tell(1, 'call', 1);
    await app.tell(2, 'call', 1);
    expect((await scrape(`${address}/metrics`)).sum('requests_total')).toBe(2);
  });
});
