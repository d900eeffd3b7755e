import { Counter, Registry } from 'prom-client';
import { ProfiledError } from '../../lib/errors';
import { renderText } from '../../lib/metrics/exposition/render';
import { MetricsScope } from '../../lib/metrics/scope';
import {
  bindBeforeScrape,
  getRegistry,
  type MetricStore,
  storeOf,
  unbindBeforeScrape,
  UPDATE_CALLBACK_TIMEOUT_MS,
  useRegistry,
} from '../../lib/metrics/store';

let registry: Registry;
let store: MetricStore;

beforeEach(() => {
  registry = new Registry();
  store = storeOf(registry);
});

const scope = (): MetricsScope => new MetricsScope(() => store, { namespace: 'ns' }, 'plain');

function conflictOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (ProfiledError.is(error) && error.code === 'PROFILED_METRIC_CONFLICT') return error.message;
    throw error;
  }
  throw new Error('expected PROFILED_METRIC_CONFLICT');
}

describe('get or create', () => {
  test('the same name, type, help, labels and buckets give the same metric', () => {
    const first = scope().createCounter('jobs_total', 'Jobs', { kind: 'a' });
    expect(scope().createCounter('jobs_total', 'Jobs', { kind: 'a' })).toBe(first);
    const histogram = scope().createHistogram('took_seconds', 'Took', {}, [1, 2]);
    expect(scope().createHistogram('took_seconds', 'Took', {}, [1, 2])).toBe(histogram);
  });

  test('another constant label is another series of the same family', async () => {
    scope().createCounter('jobs_total', 'Jobs', { kind: 'a' }).inc();
    scope().createCounter('jobs_total', 'Jobs', { kind: 'b' }).inc(2);
    const text = await renderText(registry);
    expect(text).toContain('jobs_total{kind="a",namespace="ns"} 1\njobs_total{kind="b",namespace="ns"} 2\n');
  });

  test.each<[string, (metrics: MetricsScope) => unknown, string[]]>([
    ['type', (m) => m.createGauge('jobs_total', 'Jobs'), ['a gauge with', 'a counter with']],
    ['help', (m) => m.createCounter('jobs_total', 'Tasks'), ['help "Tasks"', 'help "Jobs"']],
    ['label names', (m) => m.createCounterVec('jobs_total', 'Jobs', ['b', 'a']), ['labels [a, b]', 'labels []']],
  ])('another %s is a conflict that shows both sides and the way out', (_, create, parts) => {
    scope().createCounter('jobs_total', 'Jobs');
    const message = conflictOf(() => create(scope()));
    for (const part of ['metric `jobs_total`', ...parts, 'another name', '`prefix`']) expect(message).toContain(part);
  });

  test('other buckets are a conflict', () => {
    scope().createHistogram('took_seconds', 'Took', {}, [1, 2]);
    const message = conflictOf(() => scope().createHistogram('took_seconds', 'Took', {}, [1, 3]));
    expect(message).toContain('buckets [1, 3]');
    expect(message).toContain('buckets [1, 2]');
  });

  test('so is a metric that was registered without this package', () => {
    new Counter({ name: 'jobs_total', help: 'Jobs', registers: [registry] });
    expect(conflictOf(() => scope().createCounter('jobs_total', 'Jobs'))).toContain('registered outside of profiled');
  });

  test('a conflict leaves what was there as it was', async () => {
    scope().createCounter('jobs_total', 'Jobs').inc(5);
    conflictOf(() => scope().createGauge('jobs_total', 'Jobs'));
    expect(await renderText(registry)).toContain('# TYPE jobs_total counter\njobs_total{namespace="ns"} 5\n');
  });
});

describe('update callbacks', () => {
  test('run once before each scrape, however many families there are', async () => {
    const metrics = scope();
    const queue = metrics.createGauge('queue_length', 'Queue');
    metrics.createCounter('jobs_total', 'Jobs');
    let runs = 0;
    metrics.addUpdateCallback(async () => {
      await Promise.resolve();
      queue.set(++runs);
    });
    for (const expected of [1, 2]) {
      expect(await renderText(registry)).toContain(`queue_length{namespace="ns"} ${expected}\n`);
      expect(runs).toBe(expected);
    }
    expect(await registry.metrics()).toContain('queue_length{namespace="ns"} 3\n');
  });

  test('no longer run once they are taken out', async () => {
    let runs = 0;
    const remove = scope().addUpdateCallback(() => void runs++);
    scope().createGauge('g', 'G');
    await renderText(registry);
    remove();
    await renderText(registry);
    expect(runs).toBe(1);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('one that %s is counted; the others run and the scrape goes on', async (_, callback) => {
    const gauge = scope().createGauge('g', 'G');
    scope().addUpdateCallback(callback);
    scope().addUpdateCallback(() => gauge.set(7));
    const text = await renderText(registry);
    expect(text).toContain('g{namespace="ns"} 7\n');
    expect(text).toContain('profiled_scrape_errors_total{reason="error"} 1\n');
  });

  test('one that never ends costs a scrape a second and no metric', async () => {
    jest.useFakeTimers();
    try {
      const gauge = scope().createGauge('g', 'G');
      scope().addUpdateCallback(() => new Promise<void>(() => {}));
      scope().addUpdateCallback(() => gauge.set(7));
      const scrape = renderText(registry);
      await jest.advanceTimersByTimeAsync(UPDATE_CALLBACK_TIMEOUT_MS);
      const text = await scrape;
      expect(text).toContain('g{namespace="ns"} 7\n');
      expect(text).toContain('{reason="error"} 1\n');
      expect(text).toContain('{reason="timeout"} 0\n');
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('what is bound before a scrape', () => {
  test('runs once for each registry, and again when it is noted anew', () => {
    const runs: string[] = [];
    useRegistry(registry);
    bindBeforeScrape('a', () => void runs.push('a'));
    bindBeforeScrape('b', () => void runs.push('b'));
    unbindBeforeScrape('b');
    getRegistry();
    getRegistry();
    expect(runs).toEqual(['a']);
    useRegistry(new Registry());
    getRegistry();
    getRegistry();
    expect(runs).toEqual(['a', 'a']);
    bindBeforeScrape('a', () => void runs.push('new a'));
    getRegistry();
    expect(runs).toEqual(['a', 'a', 'new a']);
    unbindBeforeScrape('a');
  });

  test('runs again after it has failed', () => {
    let runs = 0;
    bindBeforeScrape('fails', () => {
      if (++runs === 1) throw new Error('not yet');
    });
    expect(() => getRegistry()).toThrow('not yet');
    getRegistry();
    getRegistry();
    expect(runs).toBe(2);
    unbindBeforeScrape('fails');
  });
});

describe('the series of a family', () => {
  test('are found again, however many there are and whatever their hashes', () => {
    const family = store.family({ type: 'counter', name: 'many_total', help: 'm', labelNames: ['a', 'b'] });
    const labels = Array.from({ length: 3_000 }, (_, i) => ({ a: String(i % 60), b: String(Math.floor(i / 60)) }));
    const made = labels.map((each) => family.series(each));
    expect(new Set(made).size).toBe(3_000);
    expect(labels.map((each) => family.series(each))).toEqual(made);
    expect(family.all).toEqual(made);
  });
});
