import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { hasTotals, Merge } from '../../lib/metrics/aggregate/merge';
import { registryOf } from '../../lib/metrics/aggregate/present';
import { type FamilySnapshot, inPieces, joinPieces, takeSnapshot } from '../../lib/metrics/aggregate/snapshot';
import { renderText } from '../../lib/metrics/exposition/render';
import { Slices } from '../../lib/metrics/exposition/slices';
import { storeOf } from '../../lib/metrics/store';
import { fromWire, toWire } from '../../lib/server/workers/message';
import { parseOpenMetrics, parseText } from '../support/exposition-parser';

/** What a worker with this registry answers, as it comes out of a channel that takes JSON. */
async function answerOf(registry: Registry): Promise<FamilySnapshot[]> {
  const pieces: FamilySnapshot[][] = [];
  for await (const piece of inPieces(await takeSnapshot(registry, {}), new Slices())) {
    pieces.push(fromWire(JSON.parse(JSON.stringify(toWire(piece))) as ReturnType<typeof toWire>));
  }
  return [...joinPieces(pieces).values()];
}

/** The scrape of several workers, and what did not fit. */
async function merged(workers: readonly Registry[], workerLabel?: string, format?: 'text' | 'openmetrics') {
  const merge = new Merge(new Slices(), workerLabel);
  const conflicts: { metric: string; isLeftOut: boolean }[] = [];
  for (const [i, registry] of workers.entries()) {
    conflicts.push(...(await merge.add(String(i + 1), await answerOf(registry))));
  }
  const text = await renderText(await registryOf(merge.families(), new Slices()), format && { format });
  return { text: withoutOwn(text), conflicts };
}

/** The text without what a scrape says of itself. */
const withoutOwn = (text: string) =>
  text
    .split('\n')
    .filter((line) => !line.includes('profiled_scrape_errors'))
    .join('\n')
    .trim();

type Fill = (registry: Registry, worker: number) => void;

const workersWith = (fill: Fill, count = 3): Registry[] =>
  Array.from({ length: count }, (_, i) => {
    const registry = new Registry();
    fill(registry, i + 1);
    return registry;
  });

describe('values of several workers', () => {
  test.each([
    ['sum', 'level 60'],
    ['first', 'level 10'],
    ['min', 'level 10'],
    ['max', 'level 30'],
    ['average', 'level 20'],
  ] as const)('the aggregator %s gives %s', async (aggregator, line) => {
    const { text, conflicts } = await merged(
      workersWith((registry, worker) =>
        new Gauge({ name: 'level', help: 'l', aggregator, registers: [registry] }).set(worker * 10),
      ),
    );
    expect(text.split('\n')).toContain(line);
    expect(conflicts).toEqual([]);
  });

  test('a metric with the aggregator omit is left out of a sum, and shown with a label', async () => {
    const workers = workersWith((registry, worker) =>
      new Gauge({ name: 'level', help: 'l', aggregator: 'omit', registers: [registry] }).set(worker),
    );
    expect(await merged(workers)).toEqual({ text: '', conflicts: [] });
    expect((await merged(workers, 'worker')).text).toContain('level{worker="2"} 2');
  });

  test('an aggregator that nobody knows costs that metric', async () => {
    const { text, conflicts } = await merged(
      workersWith(
        (registry) => new Gauge({ name: 'level', help: 'l', aggregator: 'mode' as never, registers: [registry] }),
      ),
    );
    expect(text).toBe('');
    expect(conflicts[0]).toEqual({ metric: 'level', isLeftOut: true });
  });

  test('our families: counters and histograms are added up, gauges as their family says', async () => {
    const { text } = await merged(
      workersWith((registry, worker) => {
        const store = storeOf(registry);
        const labelNames = ['route'];
        const done = store.family({ type: 'counter', name: 'done_total', help: 'd', labelNames });
        done.series({ route: '/all' }).inc(worker);
        done.series({ route: `/${worker}` }).inc(100);
        const took = { type: 'histogram', name: 'took_seconds', help: 't', labelNames, buckets: [1, 2] } as const;
        const histogram = store.family(took).series({ route: '/all' });
        for (let i = 0; i < worker; i++) histogram.observe(worker - 0.5);
        const age = { type: 'gauge', name: 'age_seconds', help: 'a', labelNames: [], aggregator: 'max' } as const;
        store.family(age).series({}).set(worker);
      }),
    );
    expect(text.split('\n').filter((line) => line && !line.startsWith('#'))).toEqual([
      'done_total{route="/all"} 6',
      'done_total{route="/1"} 100',
      'done_total{route="/2"} 100',
      'done_total{route="/3"} 100',
      'took_seconds_bucket{route="/all",le="1"} 1',
      'took_seconds_bucket{route="/all",le="2"} 3',
      'took_seconds_bucket{route="/all",le="+Inf"} 6',
      'took_seconds_sum{route="/all"} 11',
      'took_seconds_count{route="/all"} 6',
      'age_seconds 3',
    ]);
  });

  test('labels in another order are the same series; label values that look like others are not', async () => {
    const { text } = await merged(
      workersWith((registry, worker) => {
        const counter = new Counter({ name: 'c_total', help: 'c', labelNames: ['a', 'b'], registers: [registry] });
        counter.inc(worker === 1 ? { a: '1', b: '2' } : { b: '2', a: '1' });
        const hostile = new Counter({ name: 'd_total', help: 'd', labelNames: ['a', 'b'], registers: [registry] });
        hostile.inc(worker === 1 ? { a: '1"],["b","2' } : { a: '1', b: '2' });
      }, 2),
    );
    expect(text.match(/^d_total.* 1$/gm)).toHaveLength(2);
    expect(text).toContain('c_total{a="1",b="2"} 2');
  });

  test('values that JSON has no word for', async () => {
    const { text } = await merged(
      workersWith((registry, worker) => {
        const gauge = new Gauge({ name: 'g', help: 'g', labelNames: ['which'], registers: [registry] });
        gauge.set({ which: 'nan' }, worker === 1 ? NaN : 1);
        gauge.set({ which: 'inf' }, worker === 1 ? Infinity : 1);
        gauge.set({ which: '-inf' }, worker === 1 ? -Infinity : 1);
      }, 2),
    );
    expect(text).toContain('g{which="nan"} NaN\ng{which="inf"} +Inf\ng{which="-inf"} -Inf');
  });

  test('a summary has sum and count; its quantiles only with a label', async () => {
    const workers = workersWith((registry, worker) =>
      new Summary({ name: 's', help: 's', percentiles: [0.5], registers: [registry] }).observe(worker),
    );
    expect((await merged(workers)).text).toBe('# HELP s s\n# TYPE s summary\ns_sum 6\ns_count 3');
    const labelled = parseText(`${(await merged(workers, 'worker')).text}\n`)[0]!.samples;
    expect(labelled).toHaveLength(9);
    expect(labelled).toContainEqual(expect.objectContaining({ labels: { quantile: '0.5', worker: '3' }, value: 3 }));
  });

  test('of exemplars the newest stays', async () => {
    const { text } = await merged(
      workersWith((registry, worker) => {
        const definition = { type: 'histogram', name: 'h', help: 'h', labelNames: [], buckets: [1] } as const;
        const cell = storeOf(registry).family(definition).series({});
        cell.observe(0.5);
        const labels = { trace_id: `t${worker}` };
        cell.exemplars = [{ labels, value: 0.5, timestamp: 1e9 + (worker === 2 ? 9 : 0) }];
        registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
        const counter = new Counter({ name: 'c_total', help: 'c', enableExemplars: true, registers: [registry] });
        counter.inc({ value: 1, exemplarLabels: { trace_id: `p${worker}` } } as never);
      }),
      undefined,
      'openmetrics',
    );
    expect(text).toContain('h_bucket{le="1.0"} 3 # {trace_id="t2"} 0.5 1000000009');
    expect(text).toMatch(/^c_total 3 # \{trace_id="p\d"\} 1 /m);
    parseOpenMetrics(`${text}\n`);
  });
});

describe('a label for the worker', () => {
  test('is on every series, whose values stay as they are', async () => {
    const { text } = await merged(
      workersWith((registry, worker) => {
        const counter = storeOf(registry).family({ type: 'counter', name: 'c_total', help: 'c', labelNames: ['z'] });
        counter.series({ z: '1' }).inc(worker);
        new Histogram({ name: 'h', help: 'h', buckets: [1], registers: [registry] }).observe(worker);
      }, 2),
      'worker',
    );
    expect(text).toContain('c_total{worker="1",z="1"} 1\nc_total{worker="2",z="1"} 2');
    expect(text).toContain('h_bucket{le="1",worker="2"} 0\nh_bucket{le="+Inf",worker="2"} 1');
  });

  test('keeps a label of that name as exported_..., also where that is taken', async () => {
    const { text } = await merged(
      workersWith((registry) => {
        const labelNames = ['worker', 'exported_worker'];
        const gauge = new Gauge({ name: 'g', help: 'g', labelNames, registers: [registry] });
        gauge.set({ worker: 'smith', exported_worker: 'fritz' }, 1);
      }, 1),
      'worker',
    );
    expect(text).toContain('g{exported_exported_worker="fritz",exported_worker="smith",worker="1"} 1');
  });
});

describe('workers that disagree', () => {
  const histogram = (registry: Registry, buckets: readonly number[]) =>
    storeOf(registry).family({ type: 'histogram', name: 'h', help: 'h', labelNames: [], buckets }).series({});

  test('of a histogram with other bounds nothing is taken in', async () => {
    const workers = workersWith((registry, worker) => histogram(registry, worker === 2 ? [1, 2] : [1, 5]).observe(3));
    const { text, conflicts } = await merged(workers);
    expect(conflicts).toEqual([{ metric: 'h', isLeftOut: true }]);
    expect(text).toContain('h_bucket{le="1"} 0\nh_bucket{le="5"} 2\nh_bucket{le="+Inf"} 2\nh_sum 6\nh_count 2');
    expect((await merged(workers, 'worker')).conflicts).toEqual([]);
  });

  test.each([undefined, 'worker'])('another type is left out, with the label %s too', async (label) => {
    const workers = workersWith((registry, worker) => {
      if (worker === 2) new Gauge({ name: 'jobs', help: 'j', registers: [registry] }).set(5);
      else new Counter({ name: 'jobs', help: 'j', registers: [registry] }).inc(worker);
    });
    const { text, conflicts } = await merged(workers, label);
    expect(conflicts).toEqual([{ metric: 'jobs', isLeftOut: true }]);
    const [family] = parseText(`${text}\n`);
    expect(family!.type).toBe('counter');
    expect(family!.samples.reduce((sum, { value }) => sum + value, 0)).toBe(4);
  });

  test('another HELP text is told, and nothing is lost', async () => {
    const { text, conflicts } = await merged(
      workersWith(
        (registry, worker) => new Counter({ name: 'c_total', help: `v${worker}`, registers: [registry] }).inc(),
        2,
      ),
    );
    expect(conflicts).toEqual([{ metric: 'c_total', isLeftOut: false }]);
    expect(text).toBe('# HELP c_total v1\n# TYPE c_total counter\nc_total 2');
  });
});

describe('an answer', () => {
  test('of many series comes in pieces, in which each series is whole', async () => {
    const [registry] = workersWith((one) => {
      const definition = { type: 'histogram', name: 'h', help: 'h', labelNames: ['i'], buckets: [1, 2, 3] } as const;
      const family = storeOf(one).family(definition);
      for (let i = 0; i < 1_000; i++) family.series({ i }).observe(i % 4);
    }, 1);
    const sizes: number[] = [];
    for await (const piece of inPieces(await takeSnapshot(registry!, {}), new Slices())) {
      sizes.push(piece.flatMap(({ series }) => series).length);
    }
    expect(sizes.length).toBeGreaterThan(4);
    expect(Math.max(...sizes)).toBeLessThan(300);
    expect((await merged([registry!])).text).toBe(withoutOwn(await renderText(registry!)));
  });

  test('has the default labels of its registry, and metrics as odd as others make them', async () => {
    const [registry] = workersWith((one) => {
      one.setDefaultLabels({ app: 'x', zone: 1 });
      storeOf(one)
        .family({ type: 'counter', name: 'ours_total', help: 'o', labelNames: ['b'] })
        .series({ b: '1' })
        .inc();
      new Gauge({ name: 'g', help: 'g', labelNames: ['app'], registers: [one] }).set({ app: 'own' }, 2);
      const values = [
        { metricName: 'odd_bucket', labels: { le: 1 }, value: 1 },
        { metricName: 'odd_more', labels: {}, value: 2 },
      ];
      const odd = { name: 'odd', type: 'histogram', help: 'o', aggregator: 'sum', values };
      one.registerMetric({ ...odd, get: async () => odd } as never);
      new Counter({ name: 'nothing_total', help: 'n', labelNames: ['x'], registers: [one] });
    }, 1);
    expect((await merged([registry!])).text).toBe(withoutOwn(await renderText(registry!)));
  });

  test('leaves out a metric whose samples can not be read, and counts it', async () => {
    const hostile = { name: 'hostile', type: 'gauge', help: 'h', values: [null] };
    const [registry] = workersWith((one) => {
      one.registerMetric({ ...hostile, get: async () => hostile } as never);
      new Gauge({ name: 'fine', help: 'f', registers: [one] }).set(1);
    }, 1);
    expect((await merged([registry!])).text).toBe('# HELP fine f\n# TYPE fine gauge\nfine 1');
    expect(storeOf(registry!).scrapeErrors('error').value).toBe(1);
  });
});

test('what stays of a worker that is gone: what was added up', async () => {
  const [registry] = workersWith((one) => {
    const registers = [one];
    new Counter({ name: 'counter_total', help: 'c', registers }).inc();
    new Counter({ name: 'max_total', help: 'c', aggregator: 'max', registers }).inc();
    new Gauge({ name: 'gauge', help: 'g', registers }).inc();
    new Histogram({ name: 'histogram', help: 'h', registers }).observe(1);
    new Summary({ name: 'summary', help: 's', registers }).observe(1);
  }, 1);
  const kept = (await answerOf(registry!)).filter(hasTotals).map(({ name }) => name);
  expect(kept.filter((name) => !name.startsWith('profiled_'))).toEqual(['counter_total', 'histogram', 'summary']);
});
