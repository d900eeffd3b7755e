import { Merge } from '../../metrics/aggregate/merge';
import type { FamilySnapshot } from '../../metrics/aggregate/snapshot';
import { Slices } from '../../metrics/exposition/slices';

type Totals = readonly FamilySnapshot[];

/**
 * The totals of workers that are gone. They stay in the sum, which would otherwise fall when a worker is replaced. They take as much
 * memory as the series that these workers had, not as many times that as there were workers.
 */
export class Departed {
  #sum: Promise<Totals> = Promise.resolve([]);
  #added: Totals[] = [];
  #isEmpty = true;

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  add(totals: Totals): void {
    this.#isEmpty = false;
    this.#added.push(totals);
  }

  /** The sum of all that were added before the call. */
  sum(): Promise<Totals> {
    const added = this.#added.splice(0);
    if (added.length > 0) this.#sum = this.#sum.then((sum) => sumOf([...added.reverse(), sum]));
    return this.#sum;
  }

  /** Forgets them all, where each worker is shown by itself. */
  clear(): void {
    this.#added = [];
    this.#sum = Promise.resolve([]);
  }

  /** Takes out metrics that the living define in another way. */
  drop(names: ReadonlySet<string>): void {
    this.#sum = this.#sum.then((sum) => sum.filter(({ name }) => !names.has(name)));
  }
}

/** The newest come first, and say what a metric is. */
async function sumOf(all: readonly Totals[]): Promise<Totals> {
  const merge = new Merge(new Slices());
  for (const totals of all) await merge.add('', totals);
  return merge.families();
}
