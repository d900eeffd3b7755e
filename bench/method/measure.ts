import { getHeapSpaceStatistics } from 'node:v8';
import { setImmediate } from 'node:timers/promises';
import { paired, spread } from '../wire/statistics';

/** Does the work of a case so many times, one after the other. */
export type Loop = (times: number) => Promise<void>;

/** The same work without and with what is measured. Nothing may be shared by them, or the one compiles for the other. */
export interface Sides {
  readonly base: Loop;
  readonly wrapped: Loop;
}

/** How long and how often, in one process; milliseconds of CPU. */
export interface Effort {
  readonly pairs: number;
  readonly batchMs: number;
  readonly warmMs: number;
}

/** What one process found. */
export interface Reading {
  /** Wrapped over base: the median of pairs of batches that ran right after each other. */
  readonly ratio: number;
  /** One turn of the base, in nanoseconds: the median of its batches. */
  readonly baseNs: number;
  /** What one turn allocates beyond the base, in bytes. */
  readonly bytes: number;
}

/** Measures both sides in this process. It needs `--expose-gc` and the semi-space that {@link NODE_ARGS} ask for. */
export async function measure(sides: Sides, effort: Effort): Promise<Reading> {
  // In turns, since what warms up first would otherwise compile while the machine is in another phase.
  await warm(sides.base, effort.warmMs / 4);
  await warm(sides.wrapped, effort.warmMs / 4);
  const baseMs = await warm(sides.base, effort.warmMs / 4);
  const wrappedMs = await warm(sides.wrapped, effort.warmMs / 4);
  const times = { base: timesFor(baseMs, effort.batchMs), wrapped: timesFor(wrappedMs, effort.batchMs) };
  const base: number[] = [];
  const wrapped: number[] = [];
  for (let i = 0; i < effort.pairs; i++) {
    // Swapped each time, so that a phase that ends within a pair favours neither.
    if (i % 2) wrapped.push(await timed(sides.wrapped, times.wrapped));
    base.push(await timed(sides.base, times.base));
    if (i % 2 === 0) wrapped.push(await timed(sides.wrapped, times.wrapped));
  }
  return {
    ratio: spread(paired(wrapped, base)).median,
    baseNs: spread(base).median * 1e6,
    bytes: (await allocated(sides.wrapped)) - (await allocated(sides.base)),
  };
}

/** A new space in which a batch fits without a collection, and a way to empty it. */
export const NODE_ARGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'] as const;

/** Milliseconds for one turn, after so many milliseconds of turns. */
async function warm(loop: Loop, ms: number): Promise<number> {
  let each = await timed(loop, 1);
  for (let spent = each, times = 1; spent < ms; spent += each * times) {
    times = Math.min(2 * times, timesFor(each, ms / 4));
    each = await timed(loop, times);
  }
  return each;
}

function timesFor(eachMs: number, ms: number): number {
  return Math.max(1, Math.ceil(ms / eachMs));
}

/**
 * Milliseconds of CPU for each of so many turns, by the process' own account: while others have the machine, its clock stands.
 * What collects garbage on other threads is counted. Timers and whatever waits for the event loop run before, outside of the time.
 */
async function timed(loop: Loop, times: number): Promise<number> {
  await setImmediate();
  const begun = process.cpuUsage();
  await loop(times);
  const { user, system } = process.cpuUsage(begun);
  return Math.max(user + system, 1) / 1_000 / times;
}

/** How much of the new space a batch may fill; less than any collection begins at. */
const BATCH_BYTES = 16 * 2 ** 20;

/** Bytes that one turn allocates. */
async function allocated(loop: Loop): Promise<number> {
  const each = await filled(loop, 20);
  const times = Math.max(20, Math.min(20_000, Math.floor(BATCH_BYTES / Math.max(each, 1))));
  const samples: number[] = [];
  for (let i = 0; i < 7; i++) samples.push(await filled(loop, times));
  return spread(samples).median;
}

async function filled(loop: Loop, times: number): Promise<number> {
  globalThis.gc!({ type: 'minor', execution: 'sync' });
  const before = heapUsed();
  await loop(times);
  return (heapUsed() - before) / times;
}

function heapUsed(): number {
  let bytes = 0;
  for (const space of getHeapSpaceStatistics()) bytes += space.space_used_size;
  return bytes;
}
