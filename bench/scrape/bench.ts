import { join } from 'node:path';
import { runAll, runNode } from '../method/processes';
import { machine } from '../wire/machine';
import type { Comparison, Memory, ScrapeJob, TurnReadings } from './readings';

/** How much is measured. */
export interface ScrapePlan {
  readonly rounds: number;
  /** Pairs of scrapes in each process. */
  readonly pairs: number;
  /** Handlers of what is compared. */
  readonly handlers: number;
  /** Handlers and scrapes of the watch on the event loop. */
  readonly manyHandlers: number;
  readonly scrapes: number;
}

export const SCRAPE_PLANS: Readonly<Record<'quick' | 'full' | 'guard', ScrapePlan>> = {
  quick: { rounds: 1, pairs: 5, handlers: 1_000, manyHandlers: 10_000, scrapes: 2 },
  full: { rounds: 5, pairs: 8, handlers: 1_000, manyHandlers: 10_000, scrapes: 5 },
  guard: { rounds: 2, pairs: 3, handlers: 1_000, manyHandlers: 10_000, scrapes: 0 },
};

export const COMPARED = ['all', 'tenth', 'stock', 'control'] as const;
export type Compared = (typeof COMPARED)[number];

/** What the processes found, one reading each. */
export interface ScrapeReadings {
  readonly compared: Partial<Record<Compared, readonly Comparison[]>>;
  readonly memory: Partial<Record<'ours' | 'prom', readonly Memory[]>>;
  readonly turns: readonly TurnReadings[];
}

/** All of one run. */
export interface ScrapeResult extends ScrapeReadings {
  readonly machine: Readonly<Record<string, string>>;
  readonly plan: ScrapePlan;
}

const CHILD = join(__dirname, 'process', 'child.js');

/** Runs all of it, or of what is compared only some, or leaves memory out; the event loop is watched where the plan has scrapes for it. */
export function measureScrapes(
  { rounds, pairs, handlers, manyHandlers, scrapes }: ScrapePlan,
  compared: readonly Compared[] = COMPARED,
  withMemory = true,
): ScrapeReadings {
  const jobs: ScrapeJob[] = compared.map((what) => ({ what, handlers, pairs }));
  if (withMemory) for (const side of ['ours', 'prom'] as const) jobs.push({ what: 'memory', handlers, side });
  if (scrapes > 0) jobs.push({ what: 'turns', handlers: manyHandlers, scrapes });
  // The heap is as large as Node makes it.
  const run = (script: string, job: ScrapeJob) => runNode<unknown>(script, job, ['--expose-gc']);
  const all = [...runAll(CHILD, jobs, rounds, run)];
  const of = <R>(is: (job: ScrapeJob) => boolean) => all.flatMap(([job, read]) => (is(job) ? (read as R[]) : []));
  return {
    compared: Object.fromEntries(compared.map((what) => [what, of<Comparison>((job) => job.what === what)])),
    memory: withMemory
      ? Object.fromEntries(
          (['ours', 'prom'] as const).map((side) => [side, of<Memory>((job) => 'side' in job && job.side === side)]),
        )
      : {},
    turns: of<TurnReadings>((job) => job.what === 'turns'),
  };
}

export function benchScrape(plan: ScrapePlan): ScrapeResult {
  return { machine: machine(), plan, ...measureScrapes(plan) };
}
