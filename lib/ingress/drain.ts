import { MAX_TIMER_MS } from '../internal/clock';
import type { PayloadRun } from './payload-handler';

/** How patient a drain is. */
export interface DrainOptions {
  /** How long running requests may take to finish by themselves, in milliseconds. @default 30000, as upstream workers have it */
  readonly deadlineMs?: number | undefined;
  /** How long those that were stopped then may take before they are killed, in milliseconds. @default 5000 */
  readonly stopGraceMs?: number | undefined;
}

export const DEFAULT_DRAIN = { deadlineMs: 30_000, stopGraceMs: 5_000 } as const;

/** What is to be drained; it takes on nothing more. */
export interface Drainable {
  readonly runs: ReadonlySet<PayloadRun>;
  /** Resolves when no run is left. */
  idle(): Promise<void>;
}

/** Lets runs finish until the deadline, then stops them, then kills them. Resolves when the last one is recorded. */
export async function drain(work: Drainable, options: DrainOptions = {}): Promise<void> {
  const { deadlineMs = DEFAULT_DRAIN.deadlineMs, stopGraceMs = DEFAULT_DRAIN.stopGraceMs } = options;
  if (await within(deadlineMs, work.idle())) return;
  for (const run of work.runs) run.stop();
  if (await within(stopGraceMs, work.idle())) return;
  for (const run of work.runs) run.kill();
  await work.idle();
}

async function within(limitMs: number, done: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.min(limitMs, MAX_TIMER_MS));
  });
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
