import type { Exemplar } from '../instruments';
import { type Aggregator, combine } from './aggregators';
import type { FamilySnapshot, SeriesSnapshot } from './snapshot';

type Exemplars = readonly (Exemplar | null)[];

/** A series into which those of other processes with the same labels are taken. */
interface MergedSeries extends SeriesSnapshot {
  readonly values: number[];
  exemplars: Exemplars | undefined;
  /** How many processes have it. */
  count: number;
}

/** One family of several processes. */
export class MergedFamily {
  readonly #all: MergedSeries[] = [];
  readonly #byKey = new Map<string, MergedSeries>();

  /** @param together whether series with the same labels become one; otherwise no two have the same */
  constructor(
    readonly family: Omit<FamilySnapshot, 'series'>,
    private readonly together: boolean,
  ) {}

  /** @param isSorted whether its labels are in alphabetical order @returns whether it fits to what was added before */
  add(series: SeriesSnapshot, isSorted: boolean): boolean {
    if (!this.together) {
      this.#all.push(merged(series));
      return true;
    }
    const own = this.family.type === 'summary' ? withoutQuantiles(series) : series;
    const key = keyOf(own, isSorted);
    const known = this.#byKey.get(key);
    if (!known) {
      const first = merged(own);
      this.#byKey.set(key, first);
      this.#all.push(first);
      return true;
    }
    if (known.bounds !== own.bounds && known.bounds?.join() !== own.bounds?.join()) return false;
    combine(this.family.aggregator as Aggregator, known.values, own.values);
    if (own.exemplars) known.exemplars = newest(known.exemplars, own.exemplars);
    known.count += 1;
    return true;
  }

  snapshot(): FamilySnapshot {
    const { name, help, type, aggregator, sortLabels } = this.family;
    // The divisor is used up here: a snapshot is taken once.
    if (this.together && aggregator === 'average') {
      for (const { values, count } of this.#all) for (let i = 0; i < values.length; i++) values[i]! /= count;
    }
    return { name, help, type, aggregator, sortLabels, series: this.#all };
  }
}

function merged({ name, labels, bounds, values, exemplars }: SeriesSnapshot): MergedSeries {
  return { name, labels, bounds, values: values.slice(), exemplars, count: 1 };
}

/** Differs when sample name or labels do, whatever the order of the labels: each text has its length before it. */
function keyOf({ name = '', labels }: SeriesSnapshot, isSorted: boolean): string {
  const names = Object.keys(labels);
  if (!isSorted) names.sort();
  let key = name;
  for (const label of names) {
    const value = labels[label]!;
    key += `\n${label.length}:${label}${value.length}:${value}`;
  }
  return key;
}

/** Quantiles of two processes can not be put together; sum and count can. */
function withoutQuantiles(series: SeriesSnapshot): SeriesSnapshot {
  return series.bounds ? { ...series, bounds: [], values: series.values.slice(-2) } : series;
}

function newest(known: Exemplars | undefined, others: Exemplars): Exemplars {
  return others.map((other, i) => {
    const own = known?.[i] ?? null;
    return own && (!other || own.timestamp >= other.timestamp) ? own : other;
  });
}
