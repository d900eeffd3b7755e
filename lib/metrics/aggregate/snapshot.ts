import type { Registry } from 'prom-client';
import { collectFrom, type CollectOptions, defaultLabelsOf, isLive, type Part } from '../exposition/collect';
import type { LiveFamily } from '../exposition/live/family-text';
import { isOurs, ScrapeFailures } from '../exposition/scrape-failures';
import type { Slices } from '../exposition/slices';
import type { Cell, Exemplar, HistogramCell } from '../instruments';
import { canonicalLabels, type LabelValues } from '../labels';
import { seriesOf } from './collected-series';

/** One series at one moment, as plain data that may travel between processes. */
export interface SeriesSnapshot {
  /** The name of its sample where that is not the family's and `bounds` do not say it. */
  readonly name?: string | undefined;
  /** Without `le` and `quantile`. */
  readonly labels: LabelValues;
  /** Of a histogram: its upper bounds, `+Inf` too. Of a summary: its quantiles. Else undefined. */
  readonly bounds?: readonly string[] | undefined;
  /** One value for each bound, cumulative in a histogram, then sum and count; without bounds the one value. */
  readonly values: readonly number[];
  /** Those of {@link values}; null where there is none. */
  readonly exemplars?: readonly (Exemplar | null)[] | undefined;
}

/** A family at one moment. */
export interface FamilySnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  /** What becomes of the values of several processes: one of prom-client's six words. */
  readonly aggregator: string;
  /** Whether a scrape shows labels in alphabetical order, `le` last, as those of this package's own families. */
  readonly sortLabels: boolean;
  readonly series: readonly SeriesSnapshot[];
}

/** How many values one piece has, about: as JSON some 30 kB. */
const PIECE_VALUES = 1_000;

/** A family whose series are read one by one when they are needed, each at one moment. */
export type UnreadFamily = Omit<FamilySnapshot, 'series'> & { readonly series: Iterable<SeriesSnapshot> };

/**
 * Asks the metrics of `registry`, waits for `meanwhile`, and only then reads those whose fields can be read. What fails is left out and
 * counted, as in any scrape.
 */
export async function takeSnapshot(
  registry: Registry,
  options: CollectOptions,
  meanwhile?: Promise<unknown>,
): Promise<Iterable<UnreadFamily>> {
  const failures = new ScrapeFailures(registry);
  const parts = await collectFrom(registry, failures, options);
  await meanwhile;
  const defaults = labelTexts(defaultLabelsOf(registry));
  return parts.flatMap((part) => familyOf(part, defaults, failures) ?? []);
}

/**
 * Families in pieces of about {@link PIECE_VALUES} values, slice by slice. A family that goes over a piece goes on in the next one.
 */
export async function* inPieces(families: Iterable<UnreadFamily>, slices: Slices): AsyncGenerator<FamilySnapshot[]> {
  let piece: FamilySnapshot[] = [];
  let size = 0;
  for (const { series: all, ...family } of families) {
    let series: SeriesSnapshot[] = [];
    piece.push({ ...family, series });
    for (const one of all) {
      series.push(one);
      size += one.values.length;
      if (size < PIECE_VALUES) continue;
      yield piece;
      if (slices.isOver) await slices.next();
      size = 0;
      piece = [{ ...family, series: (series = []) }];
    }
  }
  yield piece;
}

/** Puts pieces together again, in which a family may be continued. */
export function joinPieces(pieces: Iterable<readonly FamilySnapshot[]>): Map<string, FamilySnapshot> {
  const families = new Map<string, FamilySnapshot & { series: SeriesSnapshot[] }>();
  for (const piece of pieces) {
    for (const family of piece) {
      const known = families.get(family.name);
      if (known) for (const series of family.series) known.series.push(series);
      else families.set(family.name, { ...family, series: [...family.series] });
    }
  }
  return families;
}

function familyOf(part: Part, defaults: LabelValues, failures: ScrapeFailures): UnreadFamily | undefined {
  const { name, metric, collected } = part;
  const { aggregator = 'sum' } = metric as { readonly aggregator?: unknown };
  const about = { aggregator: String(aggregator), sortLabels: isOurs(metric) };
  if (isLive(metric)) {
    const { help, type } = metric;
    return { name, help, type, ...about, series: liveSeries(metric, defaults) };
  }
  try {
    // As in a scrape: only counters are ever renamed by others.
    const family = { ...collected!, name: metric.type === 'counter' ? name : collected!.name };
    const { help, type } = family;
    const series = seriesOf(family, defaults, about.sortLabels);
    return { name: family.name, help: String(help), type: String(type), ...about, series };
  } catch (error) {
    failures.count(name, 'error', error);
    return undefined;
  }
}

function* liveSeries(family: LiveFamily, defaults: LabelValues): Generator<SeriesSnapshot> {
  const withDefaults = Object.keys(defaults).length > 0;
  for (const cell of family.all) {
    const labels = withDefaults ? canonicalLabels({ ...defaults, ...cell.labels }) : cell.labels;
    yield 'counts' in cell ? histogramSeries(cell, labels) : cellSeries(cell, labels);
  }
}

function cellSeries({ value, exemplar }: Cell, labels: LabelValues): SeriesSnapshot {
  return exemplar ? { labels, values: [value], exemplars: [exemplar] } : { labels, values: [value] };
}

function histogramSeries({ bounds, counts, sum, exemplars }: HistogramCell, labels: LabelValues): SeriesSnapshot {
  let count = 0;
  const values: number[] = [];
  for (const between of counts) values.push((count += between));
  values.push(sum, count);
  const series = { labels, bounds: boundTexts(bounds), values };
  return exemplars ? { ...series, exemplars: Array.from(counts, (_, i) => exemplars[i] ?? null) } : series;
}

/** Histograms share their bounds, and so the texts of them. */
const texts = new WeakMap<readonly number[], readonly string[]>();

function boundTexts(bounds: readonly number[]): readonly string[] {
  let known = texts.get(bounds);
  if (!known) texts.set(bounds, (known = [...bounds.map(String), '+Inf']));
  return known;
}

function labelTexts(labels: Readonly<Record<string, unknown>>): LabelValues {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
