import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { renderText } from '../../lib/metrics/exposition/render';
import type { CellFamily, HistogramFamily } from '../../lib/metrics/family';
import { storeOf } from '../../lib/metrics/store';
import { type ParsedFamily, type ParsedSample, parseOpenMetrics, parseText } from '../support/exposition-parser';

/** Text with everything in it that has to be escaped or takes more than one byte. */
const text = fc.string({ unit: fc.constantFrom(...'ab \\"\n{}=,#é日𝄞'), maxLength: 12 });
const labelValues = fc.record({ route: text, method: fc.constantFrom('GET', 'PUT') });
const amount = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e21, noNaN: true }), fc.constantFrom(0.1, 1e-9, 2 ** 53));
const value = fc.oneof(amount, fc.double({ noNaN: true }), fc.constantFrom(Infinity, -Infinity, -0, -1));
const bounds = fc
  .uniqueArray(fc.oneof(fc.integer({ min: -9, max: 99 }), fc.double({ min: 0, max: 1e7, noNaN: true })), {
    minLength: 1,
    maxLength: 5,
  })
  .map((all) => all.sort((a, b) => a - b));

interface Observed {
  readonly labels: Record<string, string>;
  readonly value: number;
}

const series = fc.array(fc.record({ labels: labelValues, value }), { maxLength: 4 });
const defaultLabels = fc.option(fc.record({ app: text, method: fc.constant('default') }), { nil: undefined });

const specs = fc.record({
  defaults: defaultLabels,
  help: text,
  counters: series,
  gauges: series,
  histograms: series,
  summaries: series,
  bounds,
});
type Spec = typeof specs extends fc.Arbitrary<infer T> ? T : never;

/** prom-client takes these two label sets for one series; a filter keeps its bug out of the comparison. */
const distinct = (all: readonly Observed[]) => [
  ...new Map(all.map((one) => [JSON.stringify(one.labels), one])).values(),
];

function registryOf({ defaults, help, ...all }: Spec): Registry {
  const registry = new Registry();
  if (defaults) registry.setDefaultLabels(defaults);
  const config = (name: string) => ({ name, help: `h${help}`, labelNames: ['route', 'method'], registers: [registry] });
  const counter = new Counter(config('c_total'));
  for (const { labels, value } of distinct(all.counters))
    counter.inc(labels, Number.isFinite(value) ? Math.abs(value) : 1);
  const gauge = new Gauge(config('g_seconds'));
  for (const { labels, value } of distinct(all.gauges)) gauge.set(labels, value);
  const histogram = new Histogram({ ...config('h_bytes'), buckets: [...all.bounds] });
  for (const { labels, value } of all.histograms) histogram.observe(labels, Number.isFinite(value) ? value : 1);
  const summary = new Summary({ ...config('s'), percentiles: [0.5, 0.99] });
  for (const { labels, value } of all.summaries) summary.observe(labels, Number.isFinite(value) ? value : 1);
  return registry;
}

const isOwn = ({ name }: ParsedFamily) => name.startsWith('profiled_');

test('metrics of prom-client are written byte for byte as it writes them', async () => {
  await fc.assert(
    fc.asyncProperty(specs, async (spec) => {
      const registry = registryOf(spec);
      const theirs = await registry.metrics();
      const ours = await renderText(registry);
      expect(ours.slice(0, ours.indexOf('\n# HELP profiled_'))).toBe(theirs);
    }),
  );
});

test('both formats parse, and give back what prom-client has', async () => {
  await fc.assert(
    fc.asyncProperty(specs, async (spec) => {
      const registry = registryOf(spec);
      const inText = parseText(await renderText(registry)).filter((family) => !isOwn(family));
      const open = parseOpenMetrics(await renderText(registry, { format: 'openmetrics' }));
      const json = (await registry.getMetricsAsJSON()) as unknown as JsonFamily[];
      const expected = json.filter(({ name }) => !name.startsWith('profiled_')).flatMap(jsonSamples);
      const flat = (families: readonly ParsedFamily[]) =>
        families.filter((family) => !isOwn(family)).flatMap(({ samples }) => samples.map(comparable));
      expect(flat(inText)).toEqual(expected);
      expect(flat(open)).toEqual(expected);
      for (const { help } of inText) expect(help).toBe(`h${spec.help}`);
    }),
  );
});

interface JsonFamily {
  readonly name: string;
  readonly values: readonly { metricName?: string; labels: Record<string, string | number>; value: number }[];
}

type Comparable = readonly [name: string, labels: string, value: number];

function jsonSamples({ name, values }: JsonFamily): Comparable[] {
  return values.map(({ metricName = name, labels, value }) =>
    comparable({
      name: metricName,
      labels: Object.fromEntries(Object.entries(labels).map(([l, v]) => [l, String(v)])),
      value,
    }),
  );
}

/** The sample as three things that can be compared whatever the order of its labels and the text of its bound. */
function comparable({ name, labels, value }: Pick<ParsedSample, 'name' | 'labels' | 'value'>): Comparable {
  const bound = (text: string) => Number(text.replace('+Inf', 'Infinity'));
  const pairs = Object.entries(labels).map(([label, text]) =>
    label === 'le' || label === 'quantile' ? [label, bound(text)] : [label, text],
  );
  return [name, JSON.stringify(pairs.sort()), value + 0];
}

/** What can happen to our own families between two scrapes. */
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('inc' as const), labels: labelValues, value: amount }),
    fc.record({ do: fc.constant('set' as const), labels: labelValues, value: fc.oneof(value, fc.constant(NaN)) }),
    fc.record({ do: fc.constant('observe' as const), labels: labelValues, value }),
    fc.record({ do: fc.constant('default' as const), labels: fc.dictionary(fc.constantFrom('app', 'zone'), text) }),
    fc.record({ do: fc.constant('reset' as const) }),
    fc.record({ do: fc.constant('scrape' as const) }),
  ),
  { maxLength: 30 },
);

test('our own families, whose lines are kept and written over, always show what they hold', async () => {
  await fc.assert(
    fc.asyncProperty(bounds, steps, async (buckets, all) => {
      const registry = new Registry();
      const own = familiesIn(registry, buckets);
      for (const step of [...all, { do: 'scrape' as const }]) {
        if (step.do === 'inc') own.counter.series(step.labels).inc(step.value);
        else if (step.do === 'set') own.gauge.series(step.labels).set(step.value);
        else if (step.do === 'observe') own.histogram.series(step.labels).observe(step.value);
        else if (step.do === 'default') registry.setDefaultLabels(step.labels);
        else if (step.do === 'reset') registry.resetMetrics();
        else await checkScrapes(registry, own);
      }
    }),
  );
});

interface OwnFamilies {
  readonly counter: CellFamily;
  readonly gauge: CellFamily;
  readonly histogram: HistogramFamily;
}

function familiesIn(registry: Registry, buckets: readonly number[]): OwnFamilies {
  const store = storeOf(registry);
  const labelNames = ['route', 'method'];
  return {
    counter: store.family({ type: 'counter', name: 'c_total', help: 'c', labelNames }),
    gauge: store.family({ type: 'gauge', name: 'g_seconds', help: 'g', labelNames }),
    histogram: store.family({ type: 'histogram', name: 'h_bytes', help: 'h', labelNames, buckets }),
  };
}

async function checkScrapes(registry: Registry, { counter, gauge, histogram }: OwnFamilies): Promise<void> {
  const { _defaultLabels: defaults } = registry as unknown as { _defaultLabels: Record<string, string> };
  const sample = (name: string, labels: object, value: number, more = {}) =>
    comparable({ name, labels: { ...defaults, ...labels, ...more }, value });
  const expected = [
    ...counter.all.map(({ labels, value }) => sample('c_total', labels, value)),
    ...gauge.all.map(({ labels, value }) => sample('g_seconds', labels, value)),
    ...histogram.all.flatMap(({ labels, bounds: own, counts, sum }) => {
      const totals = [...counts].map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b, 0));
      return [
        ...totals.map((total, i) => sample('h_bytes_bucket', labels, total, { le: String(own[i] ?? '+Inf') })),
        sample('h_bytes_sum', labels, sum),
        sample('h_bytes_count', labels, totals.at(-1)!),
      ];
    }),
  ];
  const read = (families: ParsedFamily[]) =>
    families.filter((family) => !isOwn(family)).flatMap(({ samples }) => samples.map(comparable));
  expect(read(parseText(await renderText(registry)))).toEqual(expected);
  expect(read(parseOpenMetrics(await renderText(registry, { format: 'openmetrics' })))).toEqual(expected);
}
