import { log } from '../../internal/logger';
import { hasTotals } from '../../metrics/aggregate/merge';
import type { FamilySnapshot } from '../../metrics/aggregate/snapshot';
import { type Deadline, TIMED_OUT } from '../../metrics/exposition/deadline';
import type { Families, Line } from './line';
import type { Ask } from './message';

/** A worker, as the one who asks it knows it. */
export class Peer {
  /** What it said last of each of its metrics. */
  readonly #known = new Map<string, FamilySnapshot>();
  /** Whether it owes an answer beyond its time. It is not asked again until it has given one. */
  #isLate = false;
  #asks = 0;
  #newest = 0;

  constructor(
    readonly id: string,
    readonly line: Line,
  ) {}

  /** The names of the metrics that it has given in time; undefined if no answer came. Never rejects. */
  async fresh(ask: Ask, deadline: Deadline): Promise<ReadonlySet<string> | undefined> {
    if (this.#isLate) return undefined;
    try {
      const answer = await deadline.race(this.#ask(ask));
      if (answer !== TIMED_OUT) return new Set(answer.keys());
      this.#isLate = true;
      log.write('warn', { worker: this.id, timeoutMs: ask.timeoutMs }, 'a worker did not answer a scrape in time');
    } catch (error) {
      log.write('warn', { worker: this.id, err: error }, 'a worker did not answer a scrape');
    }
    return undefined;
  }

  /** The metrics with these names, as it said last. */
  last(names: ReadonlySet<string>): FamilySnapshot[] {
    return [...this.#known.values()].filter(({ name }) => names.has(name));
  }

  /** The metrics with other names that have totals, as it said last. */
  totals(except: ReadonlySet<string> = new Set()): FamilySnapshot[] {
    return [...this.#known.values()].filter((family) => !except.has(family.name) && hasTotals(family));
  }

  async #ask(ask: Ask): Promise<Families> {
    const order = ++this.#asks;
    const families = await this.line.ask(ask).finally(() => (this.#isLate = false));
    // Of two answers that overtake each other the older one is of no use, or a total would fall.
    if (order > this.#newest) {
      this.#newest = order;
      for (const [name, family] of families) this.#known.set(name, family);
    }
    return families;
  }
}
