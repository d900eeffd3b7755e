import { join } from 'node:path';
import type { Effort, Reading } from '../method/measure';
import { type Job, runAll, runNode } from '../method/processes';
import { CASES } from './cases';
import type { RecordingJob } from './child';
import { ADDITIONS, type Addition, type Listed, WRAPPERS } from './wrapper';

/** How much is measured. Cells that a floor needs are measured in more processes. */
export interface Plan {
  readonly effort: Effort;
  readonly rounds: number;
  readonly floorRounds: number;
}

export const PLANS: Readonly<Record<'quick' | 'full' | 'guard', Plan>> = {
  quick: { effort: { pairs: 24, batchMs: 1.5, warmMs: 80 }, rounds: 1, floorRounds: 2 },
  full: { effort: { pairs: 80, batchMs: 1.5, warmMs: 400 }, rounds: 3, floorRounds: 7 },
  guard: { effort: { pairs: 64, batchMs: 1.5, warmMs: 400 }, rounds: 0, floorRounds: 5 },
};

/** What was read of one wrapper in one case, one reading a process. */
export interface Cell {
  readonly wrapper: string;
  readonly of: string;
  readonly readings: readonly Reading[];
}

const BARE = { file: 'none', key: 'none' };
export const CHILD = join(__dirname, 'child.js');

type CellJob = RecordingJob & { readonly wrapper: string; readonly of: string };

/** The job of a cell; `base` is the bare handler unless something else is given. */
export function jobOf({ name, file, key }: Listed, of: string, effort: Effort, base: Addition['base'] = BARE): CellJob {
  return { wrapper: name, of, base, wrapped: { file, key }, effort };
}

/** Every wrapper in every case where it can be compared, and those that `isFloor` picks more often. */
export function measureCells(
  { effort, rounds, floorRounds }: Plan,
  isFloor: (cell: Pick<Cell, 'wrapper' | 'of'>) => boolean,
  wrappers: readonly Listed[] = WRAPPERS,
): Cell[] {
  const jobs = jobsOf(wrappers, effort);
  const floorJobs = jobs.filter(isFloor);
  return cellsOf([runAll(CHILD, rounds > 0 ? jobs : [], rounds), runAll(CHILD, floorJobs, floorRounds - rounds)]);
}

/** The cells that `isFloor` picks in a process whose new space is Node's own, which has no room to count bytes in. */
export function measureInOwnSpace({ effort, floorRounds }: Plan, isFloor: (cell: CellJob) => boolean): Cell[] {
  const jobs = jobsOf(WRAPPERS, effort).filter(isFloor);
  const run = (script: string, job: CellJob) => runNode<Reading>(script, job, ['--expose-gc']);
  return cellsOf([runAll(CHILD, jobs, floorRounds, run)]);
}

function jobsOf(wrappers: readonly Listed[], effort: Effort): CellJob[] {
  return wrappers.flatMap((wrapper) =>
    CASES.filter((of) => wrapper.cases?.(of) ?? true).map((of) => jobOf(wrapper, of.name, effort)),
  );
}

/** What parts of ours add to the rest of it. */
export function measureAdditions({ effort, floorRounds }: Plan): Cell[] {
  const jobs = ADDITIONS.map((addition) => jobOf(addition, addition.of, effort, addition.base));
  return cellsOf([runAll(CHILD, jobs, floorRounds)]);
}

function cellsOf(runs: readonly ReadonlyMap<CellJob, Reading[]>[]): Cell[] {
  const cells = new Map<Job, Cell & { readings: Reading[] }>();
  for (const [job, readings] of runs.flatMap((run) => [...run])) {
    const { wrapper, of } = job;
    const known = cells.get(job);
    if (known) known.readings.push(...readings);
    else cells.set(job, { wrapper, of, readings: [...readings] });
  }
  return [...cells.values()];
}
