import type { Slices } from '../exposition/slices';
import type { LabelValues } from '../labels';
import { isAggregator } from './aggregators';
import { MergedFamily } from './merged-family';
import type { FamilySnapshot, SeriesSnapshot, UnreadFamily } from './snapshot';

/** How many series are merged without a look at the clock. */
const RUN = 64;

/** What two processes say differently of one metric. */
export interface Conflict {
  readonly metric: string;
  /** Whether something of the second one is left out; else it is only shown under the HELP text of the first. */
  readonly isLeftOut: boolean;
}

/**
 * The metrics of several processes made one, in the order in which they are added. The first that has a family says what it is;
 * what others have under its name must agree in type, and a histogram in its bounds, or it is left out.
 */
export class Merge {
  readonly #families = new Map<string, MergedFamily>();

  /** @param workerLabel a label for all series that says whose they are; undefined = they are put together */
  constructor(
    private readonly slices: Slices,
    private readonly workerLabel?: string,
  ) {}

  /** Adds what one process has. @returns what did not fit */
  async add(worker: string, families: Iterable<UnreadFamily>): Promise<Conflict[]> {
    const conflicts: Conflict[] = [];
    for (const family of families) {
      const isLeftOut = !(await this.#addFamily(worker, family));
      const first = this.#families.get(family.name);
      if (isLeftOut || (first && first.family.help !== family.help)) conflicts.push({ metric: family.name, isLeftOut });
    }
    return conflicts;
  }

  families(): FamilySnapshot[] {
    return [...this.#families.values()].map((family) => family.snapshot());
  }

  async #addFamily(worker: string, family: UnreadFamily): Promise<boolean> {
    const { name, type, aggregator, series } = family;
    const together = this.workerLabel === undefined;
    if (together && !isAggregator(aggregator)) return aggregator === 'omit';
    let merged = this.#families.get(name);
    if (!merged) this.#families.set(name, (merged = new MergedFamily(family, together)));
    if (merged.family.type !== type) return false;
    let fits = true;
    let count = 0;
    for (const one of series) {
      fits = merged.add(this.#labelled(one, worker), family.sortLabels) && fits;
      if (++count % RUN === 0 && this.slices.isOver) await this.slices.next();
    }
    return fits;
  }

  #labelled(series: SeriesSnapshot, worker: string): SeriesSnapshot {
    const { workerLabel } = this;
    return workerLabel === undefined ? series : { ...series, labels: withLabel(series.labels, workerLabel, worker) };
  }
}

/** Labels and one more, in alphabetical order if they were. One of that name is kept as `exported_...`, as Prometheus does. */
function withLabel(labels: LabelValues, label: string, value: string): LabelValues {
  if (!Object.hasOwn(labels, label)) return sorted({ ...labels, [label]: value });
  const { [label]: taken, ...rest } = labels;
  return sorted({ ...withLabel(rest, `exported_${label}`, taken!), [label]: value });
}

function sorted(labels: LabelValues): LabelValues {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * What stays true of a worker that did not answer, or is gone: its totals, so that the sum does not fall, which Prometheus would take
 * for a restart of all. Gauges and quantiles are of a moment, and that has passed.
 */
export function hasTotals({ type, aggregator, series }: FamilySnapshot): boolean {
  return aggregator === 'sum' && (type === 'counter' || (type !== 'gauge' && series.some(({ bounds }) => bounds)));
}
