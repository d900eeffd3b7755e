import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Merge } from '../../lib/metrics/aggregate/merge';
import { registryOf } from '../../lib/metrics/aggregate/present';
import { inPieces, joinPieces, takeSnapshot } from '../../lib/metrics/aggregate/snapshot';
import { renderText } from '../../lib/metrics/exposition/render';
import { Slices } from '../../lib/metrics/exposition/slices';
import { storeOf } from '../../lib/metrics/store';
import { fromWire, toWire } from '../../lib/server/workers/message';
import { type ParsedSample, parseOpenMetrics, parseText } from '../support/exposition-parser';

const text = fc.string({ unit: fc.constantFrom(...'ab:,|"\\\n{}=é𝄞'), maxLength: 4 });
const labels = fc.record({ route: text, method: fc.constantFrom('GET', 'PUT') });
/** Whole numbers, which can be added in any order. */
const series = fc.array(fc.record({ labels, value: fc.nat(1_000) }), { maxLength: 6 });
const worker = fc.record({ counter: series, gauge: series, histogram: series, theirs: series });
const workers = fc.array(worker, { minLength: 1, maxLength: 4 });
type Worker = typeof worker extends fc.Arbitrary<infer T> ? T : never;

const labelNames = ['route', 'method'];

function registryWith({ counter, gauge, histogram, theirs }: Worker): Registry {
  const registry = new Registry();
  const store = storeOf(registry);
  const ours = { help: 'h', labelNames };
  const c = store.family({ type: 'counter', name: 'c_total', ...ours });
  for (const { labels: of, value } of counter) c.series(of).inc(value);
  const g = store.family({ type: 'gauge', name: 'g', ...ours });
  for (const { labels: of, value } of gauge) g.series(of).inc(value);
  const h = store.family({ type: 'histogram', name: 'h', ...ours, buckets: [10, 500] });
  for (const { labels: of, value } of histogram) h.series(of).observe(value);
  const foreign = { help: 'h', registers: [registry], labelNames };
  const [counts, level] = [new Counter({ name: 'pc_total', ...foreign }), new Gauge({ name: 'pg', ...foreign })];
  const sizes = new Histogram({ name: 'ph', buckets: [10, 500], ...foreign });
  for (const { labels: of, value } of theirs) {
    counts.inc(of, value);
    level.inc(of, value);
    sizes.observe(of, value);
  }
  return registry;
}

const keyOf = ({ name, labels: of }: ParsedSample) =>
  JSON.stringify([
    name,
    Object.entries(of)
      .map(([l, v]) => [l, l === 'le' ? Number(v.replace('+Inf', 'Infinity')) : v])
      .sort(),
  ]);

/** Samples of scrapes by name and labels, added up. */
function added(scrapes: readonly (readonly { samples: readonly ParsedSample[] }[])[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const sample of scrapes.flat().flatMap(({ samples }) => samples)) {
    if (!sample.name.startsWith('profiled_')) sums.set(keyOf(sample), (sums.get(keyOf(sample)) ?? 0) + sample.value);
  }
  return sums;
}

async function merged(registries: readonly Registry[], workerLabel?: string): Promise<Registry> {
  const merge = new Merge(new Slices(), workerLabel);
  for (const [i, registry] of registries.entries()) {
    const pieces = [];
    for await (const piece of inPieces(await takeSnapshot(registry, {}), new Slices())) {
      pieces.push(fromWire(JSON.parse(JSON.stringify(toWire(piece))) as ReturnType<typeof toWire>));
    }
    expect(await merge.add(String(i), joinPieces(pieces).values())).toEqual([]);
  }
  return registryOf(merge.families(), new Slices());
}

test('what is put together parses in both formats, and each value is the sum of those of the workers', async () => {
  await fc.assert(
    fc.asyncProperty(workers, async (all) => {
      const registries = all.map(registryWith);
      const single = await Promise.all(registries.map(async (registry) => parseText(await renderText(registry))));
      const together = await merged(registries);
      expect(added([parseText(await renderText(together))])).toEqual(added(single));
      expect(added([parseOpenMetrics(await renderText(together, { format: 'openmetrics' }))])).toEqual(added(single));
    }),
  );
});

test('with a label every sample of every worker is there as it is', async () => {
  await fc.assert(
    fc.asyncProperty(workers, async (all) => {
      const registries = all.map(registryWith);
      const scraped = parseText(await renderText(await merged(registries, 'worker'))).flatMap(({ samples }) => samples);
      for (const [i, registry] of registries.entries()) {
        const own = scraped.filter((sample) => sample.labels.worker === String(i));
        const bare = own.map(({ labels: { worker: _, ...rest }, ...sample }) => ({ ...sample, labels: rest }));
        expect(added([[{ samples: bare }]])).toEqual(added([parseText(await renderText(registry))]));
      }
    }),
  );
});

test('one worker alone is shown byte for byte as it would show itself', async () => {
  const withoutOwn = (scrape: string) =>
    scrape
      .split('\n')
      .filter((line) => !line.includes('profiled_'))
      .join('\n');
  await fc.assert(
    fc.asyncProperty(worker, async (one) => {
      const registry = registryWith(one);
      const together = await merged([registry]);
      for (const format of ['text', 'openmetrics'] as const) {
        expect(withoutOwn(await renderText(together, { format }))).toBe(
          withoutOwn(await renderText(registry, { format })),
        );
      }
    }),
  );
});
