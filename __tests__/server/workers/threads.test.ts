import { eventually } from '../../support/eventually';
import { appStarter, scrape } from './app';

jest.setTimeout(120_000);

const start = appStarter();
/** No scrape but those that are to time out may do so. */
const patient = { kind: 'threads', handler: { collectTimeoutMs: 60_000 } };
const hurried = { headers: { 'x-prometheus-scrape-timeout-seconds': '5' } };
const open = { headers: { accept: 'application/openmetrics-text' } };

describe('threads', () => {
  test('are one scrape with the main thread, in both formats', async () => {
    const app = await start({ ...patient, count: 3 });
    for (const worker of [0, 1, 2, 3]) await app.tell(worker, 'call', 10 * (worker + 1));
    await app.tell(3, 'hold');
    for (const asking of [undefined, open]) {
      const { sum } = await app.scrape(asking);
      expect(sum('requests_total')).toBe(101);
      expect(sum('errors_total')).toBe(10);
      expect(sum('concurrent_requests')).toBe(1);
      expect(sum('request_duration_seconds_bucket', { le: '+Inf' })).toBe(100);
      expect(sum('profiled_scrape_errors_total')).toBe(0);
    }
  });

  test('are scraped through any of them', async () => {
    const app = await start({ ...patient, count: 2 });
    await app.tell(1, 'call', 3);
    const { status, sum } = await scrape(await app.tell(2, 'serve'));
    expect(status).toBe(200);
    expect(sum('requests_total')).toBe(3);
  });

  test('have a label if they are to', async () => {
    const app = await start({ ...patient, count: 2, label: 'thread' });
    await app.tell(2, 'call', 3);
    const { sum, values } = await app.scrape(open);
    expect(values('thread').sort()).toEqual(['main', 'thread-1', 'thread-2']);
    expect(sum('requests_total', { thread: 'thread-2' })).toBe(3);
  });

  test('that threads have started are there too, and leave their totals behind', async () => {
    const app = await start({ ...patient, count: 1, label: false });
    await app.tell(1, 'nest', 4);
    await eventually('the nested thread is there', async () => (await app.scrape()).sum('requests_total') === 4);
    await app.tell(1, 'unnest');
    await app.tell(1, 'call', 1);
    await eventually('it is gone', async () => {
      const [before, after] = [await app.scrape(), await app.scrape()];
      expect(after.sum('requests_total')).toBe(5);
      const missing = (scraped: typeof before) => scraped.sum('profiled_scrape_errors_total', { reason: 'worker' });
      return missing(before) === missing(after);
    });
  });
});

describe('a thread that', () => {
  test('is terminated in the middle of a scrape costs only what it had not told yet', async () => {
    const app = await start({ ...patient, count: 2 });
    await app.tell(1, 'call', 10);
    await app.tell(2, 'call', 10);
    expect((await app.scrape()).sum('requests_total')).toBe(20);
    await app.tell(1, 'stall');
    await app.tell(2, 'call', 5);
    const asked = app.tell(0, 'asked');
    const scraping = app.scrape();
    await asked;
    const begin = performance.now();
    await app.tell(0, 'end', 1);
    const { status, sum } = await scraping;
    expect(performance.now() - begin).toBeLessThan(30_000);
    expect(status).toBe(200);
    expect(sum('requests_total')).toBe(25);
    expect(sum('profiled_scrape_errors_total', { reason: 'worker' })).toBe(1);
    const next = await app.tell(0, 'start');
    await app.tell(Number(next), 'call', 10);
    await eventually('the next one is there', async () => (await app.scrape()).sum('requests_total') === 35);
  });

  test('is blocked is counted, keeps its totals, and comes back', async () => {
    const app = await start({ ...patient, count: 2 });
    await app.tell(1, 'call', 10);
    await app.scrape();
    await app.tell(1, 'hold');
    await app.tell(1, 'block');
    const { status, sum } = await app.scrape(hurried);
    expect(status).toBe(200);
    expect(sum('requests_total')).toBe(10);
    expect(sum('profiled_scrape_errors_total', { reason: 'worker' })).toBe(1);
    app.release();
    await eventually('it answers again', async () => (await app.scrape()).sum('requests_total') === 11);
  });
});
