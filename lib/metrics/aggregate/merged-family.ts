import type { Exemplar } from '../instruments';
import { type Aggregator, combine } from './aggregators';
import type { FamilySnapshot, SeriesSnapshot } from './snapshot';

type Exemplars = (Exemplar | null)[];

/** A series into which those of other processes with the same labels are taken. */
interface MergedSeries extends SeriesSnapshot {
  readonly values: number[];
  exemplars?: Exemplars | undefined;
  /** How many processes have it. */
  count: number;
}

/** One family of several processes. */
export class MergedFamily {
  readonly #series = new Map<string, MergedSeries>();

  /** @param together whether series with the same labels become one; otherwise none may have the labels of another */
  constructor(
    readonly family: Omit<FamilySnapshot, 'series'>,
    private readonly together: boolean,
  ) {}

  /** @returns whether it fits to what was added before */
  add(series: SeriesSnapshot): boolean {
    const own = this.together && this.family.type === 'summary' ? withoutQuantiles(series) : series;
    const key = keyOf(own);
    const known = this.#series.get(key);
    if (!known) {
      this.#series.set(key, {
        ...own,
        values: [...own.values],
        exemplars: own.exemplars && [...own.exemplars],
        count: 1,
      });
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
    const series = [...this.#series.values()];
    // The divisor is used up here: a snapshot is taken once.
    if (this.together && aggregator === 'average') {
      for (const { values, count } of series) for (let i = 0; i < values.length; i++) values[i]! /= count;
    }
    return { name, help, type, aggregator, sortLabels, series };
  }
}

/** Differs when sample name or labels do, whatever the order of the labels. */
function keyOf({ name, labels }: SeriesSnapshot): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(byName)]);
}

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]) => (a < b ? -1 : 1);

/** Quantiles of two processes can not be put together; sum and count can. */
function withoutQuantiles(series: SeriesSnapshot): SeriesSnapshot {
  return series.bounds ? { ...series, bounds: [], values: series.values.slice(-2) } : series;
}

function newest(known: Exemplars | undefined, others: readonly (Exemplar | null)[]): Exemplars {
  return others.map((other, i) => {
    const own = known?.[i] ?? null;
    return own && (!other || own.timestamp >= other.timestamp) ? own : other;
  });
}
