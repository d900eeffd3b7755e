import { Gauge, type Metric, Registry } from 'prom-client';
import { render, renderText } from '../../lib/metrics/exposition/render';
import { Slices } from '../../lib/metrics/exposition/slices';
import { SeriesIndex } from '../../lib/metrics/series-index';
import {
  bindBeforeScrape,
  getRegistry,
  getRegistryInSlices,
  storeOf,
  unbindBeforeScrape,
  useRegistry,
} from '../../lib/metrics/store';
import { createFetchHandler } from '../../lib/server/fetch-handler';
import { parseText } from '../support/exposition-parser';

/** Slices on a clock that gains a second each time it is read: every look at it finds the slice used up. */
class CountedSlices extends Slices {
  turns = 0;

  constructor(private readonly meanwhile: () => void = () => {}) {
    let seconds = 0;
    super(() => seconds++);
  }

  override async next(): Promise<void> {
    this.turns += 1;
    this.meanwhile();
    await super.next();
  }
}

let registry: Registry;

beforeEach(() => {
  registry = new Registry();
});

function fill(handlers: number): () => void {
  const store = storeOf(registry);
  const names = { labelNames: ['handler'], help: 'x' };
  const counter = store.family({ type: 'counter', name: 'a_total', ...names });
  const histogram = store.family({ type: 'histogram', name: 'b_seconds', buckets: [1, 2], ...names });
  const each = Array.from({ length: handlers }, (_, handler) => ({
    count: counter.series({ handler }),
    took: histogram.series({ handler }),
  }));
  return () => {
    for (const { count, took } of each) {
      count.inc();
      took.observe(1.5);
    }
  };
}

test('the event loop turns at least once for every 133 lines of our own families', async () => {
  fill(1_000);
  const slices = new CountedSlices();
  const { chunks, byteLength } = await render(registry, { slices });
  const lines = Buffer.concat(chunks).toString().split('\n').length;
  expect(byteLength).toBe(Buffer.concat(chunks).length);
  expect(lines).toBeGreaterThan(6_000);
  // A block takes no further series once it has 128 lines; the histogram here has five.
  expect(slices.turns).toBeGreaterThanOrEqual(Math.floor(lines / 133));
});

test('so it does for those of others', async () => {
  const values = Array.from({ length: 5_000 }, (_, i) => ({ labels: { i: String(i) }, value: i }));
  const family = { name: 'many', help: 'm', type: 'gauge', values };
  registry.registerMetric({ ...family, get: async () => family } as unknown as Metric);
  const slices = new CountedSlices();
  expect(await renderText(registry, { slices })).toContain('\nmany{i="4999"} 4999\n');
  expect(slices.turns).toBeGreaterThanOrEqual(Math.ceil(5_000 / 128));
});

test('long labels make it turn sooner', async () => {
  const gauge = storeOf(registry).family({
    type: 'gauge',
    name: 'g',
    help: 'g',
    labelNames: ['a', 'b', 'c', 'd', 'e'],
  });
  const long = 'x'.repeat(256);
  for (let a = 0; a < 256; a++) gauge.series({ a: `${a}${long}`, b: long, c: long, d: long, e: long });
  const slices = new CountedSlices();
  const { byteLength } = await render(registry, { slices });
  expect(slices.turns).toBeGreaterThanOrEqual(Math.floor(byteLength / 40_000));
});

test('what is recorded between two turns leaves every histogram of one piece, and shows in both of two scrapes at once', async () => {
  const record = fill(300);
  const scrapes = await Promise.all([
    renderText(registry, { slices: new CountedSlices(record) }),
    renderText(registry, { slices: new CountedSlices(record), format: 'text' }),
  ]);
  for (const scrape of scrapes) {
    // The parser compares buckets, count and their order.
    const histogram = parseText(scrape).find(({ name }) => name === 'b_seconds')!;
    const sums = histogram.samples.filter(({ name }) => name === 'b_seconds_sum').map(({ value }) => value);
    const counts = histogram.samples.filter(({ name }) => name === 'b_seconds_count').map(({ value }) => value);
    expect(sums).toEqual(counts.map((count) => count * 1.5));
    expect(new Set(counts).size).toBeGreaterThan(1);
  }
});

test('series that are made between two turns are there once, in place, then and ever after', async () => {
  const gauge = storeOf(registry).family({ type: 'gauge', name: 'g', help: 'g', labelNames: ['i'] });
  let made = 0;
  const make = (count: number): void => {
    for (let i = 0; i < count && made < 1_000; i++) gauge.series({ i: made }).set(made++);
  };
  const valuesOf = (text: string) =>
    parseText(text)
      .find(({ name }) => name === 'g')!
      .samples.map(({ value }) => value);
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
  // A block that is not full, and full ones behind it that begin where it ends.
  make(90);
  const first = valuesOf(await renderText(registry, { slices: new CountedSlices(() => make(300)) }));
  expect(first.length).toBeGreaterThan(90);
  expect(first).toEqual(upTo(first.length));
  make(1_000);
  const twice = [0, 1].map(() => renderText(registry, { slices: new CountedSlices() }));
  for (const text of [...(await Promise.all(twice)), await renderText(registry)]) {
    expect(valuesOf(text)).toEqual(upTo(1_000));
  }
});

test('a scrape within one slice does not wait for a turn', async () => {
  new Gauge({ name: 'g', help: 'g', registers: [registry] });
  const slices = new Slices(() => 0);
  expect(slices.isOver).toBe(false);
  expect(await renderText(registry, { slices })).toContain('\ng 0\n');
});

describe('the series of decorated handlers', () => {
  const before = getRegistry();
  const keys = Array.from({ length: 200 }, (_, i) => `slices ${i}`);
  const bound: string[] = [];

  beforeEach(() => {
    useRegistry(registry);
    bound.length = 0;
    for (const key of keys) bindBeforeScrape(key, () => void bound.push(key));
  });

  afterEach(() => {
    for (const key of keys) unbindBeforeScrape(key);
    useRegistry(before);
  });

  test('are made between turns, each once, in their order', async () => {
    const seen: number[] = [];
    const slices = new CountedSlices(() => seen.push(bound.length));
    expect(await getRegistryInSlices(slices)).toBe(registry);
    expect(seen).toEqual(keys.map((_, i) => i + 1));
    getRegistry();
    expect(bound).toEqual(keys);
  });

  test('are made at once for who asks meanwhile, and again where another registry came', async () => {
    const other = new Registry();
    const slices = new CountedSlices(() => {
      if (bound.length === 50) getRegistry();
      if (bound.length === 200) useRegistry(other);
    });
    expect(await getRegistryInSlices(slices)).toBe(other);
    expect(bound).toEqual([...keys, ...keys]);
  });
});

test('a scrape of a server makes them between turns', async () => {
  const before = getRegistry();
  useRegistry(registry);
  const spin = (): void => {
    for (const end = performance.now() + 3; performance.now() < end;);
  };
  const log: string[] = [];
  for (const key of ['first', 'second']) {
    bindBeforeScrape(key, () => {
      log.push(key);
      setImmediate(() => log.push(`a turn after ${key}`));
      spin();
    });
  }
  try {
    expect((await createFetchHandler()(new Request('http://localhost/'))).status).toBe(200);
    expect(log).toEqual(['first', 'a turn after first', 'second', 'a turn after second']);
  } finally {
    for (const key of ['first', 'second']) unbindBeforeScrape(key);
    useRegistry(before);
  }
});

test('a larger table of series is filled without reading their labels again', () => {
  let reads = 0;
  const index = new SeriesIndex<{ readonly labels: { readonly i: string } }>();
  for (let i = 0; i < 4_096; i++) {
    const labels = { i: String(i) };
    index.add({
      get labels() {
        reads += 1;
        return labels;
      },
    });
  }
  expect(reads).toBe(4_096);
  expect(index.find({ i: '4095' })).toBe(index.all[4_095]);
  expect(index.find({ i: '4096' })).toBeUndefined();
});
