import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';

/** How long the event loop was kept from turning; milliseconds. */
export interface Turns {
  readonly count: number;
  /** The longest turn by the clock of the wall, which goes on while others have the machine. */
  readonly longestWall: number;
  /** The longest turn by the CPU that the main thread had; by the wall where the system does not tell. */
  readonly longest: number;
  /** The longest one in which no garbage was collected. */
  readonly longestWithoutGc: number;
  /** The longest pause for garbage. */
  readonly longestGc: number;
  /** All CPU of the main thread. */
  readonly cpu: number;
}

/** What Linux knows of the main thread: nanoseconds on a CPU come first. */
const SCHEDULER = `/proc/self/task/${process.pid}/schedstat`;

/** Reads the CPU time of the main thread in milliseconds. */
function threadClock(): { now(): number; close(): void } {
  if (!existsSync(SCHEDULER)) return { now: () => performance.now(), close: () => {} };
  const file = openSync(SCHEDULER, 'r');
  const bytes = Buffer.alloc(64);
  return {
    now() {
      // It brings the account of the thread up to date, which the file shows as it was at the last tick.
      process.cpuUsage();
      const length = readSync(file, bytes, 0, bytes.length, 0);
      return Number(bytes.toString('latin1', 0, length).split(' ')[0]) / 1e6;
    },
    close: () => closeSync(file),
  };
}

interface Turn {
  readonly begun: number;
  readonly wall: number;
  readonly cpu: number;
}

interface Pause {
  readonly startTime: number;
  readonly duration: number;
}

/** Watches the turns of this thread while `work` goes on. */
export async function watchTurns(work: () => Promise<void>): Promise<Turns> {
  const clock = threadClock();
  const pauses: Pause[] = [];
  const observer = new PerformanceObserver((list) => void pauses.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const turns: Turn[] = [];
  let isOver = false;
  let [wall, cpu] = [performance.now(), clock.now()];
  const begun = cpu;
  const turn = (): void => {
    const [nextWall, nextCpu] = [performance.now(), clock.now()];
    turns.push({ begun: wall, wall: nextWall - wall, cpu: nextCpu - cpu });
    [wall, cpu] = [nextWall, nextCpu];
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  isOver = true;
  await new Promise((resolve) => setTimeout(resolve, 20));
  observer.disconnect();
  clock.close();
  return summary(turns, pauses, cpu - begun);
}

/** What turns and pauses come to. */
export function summary(turns: readonly Turn[], pauses: readonly Pause[], cpu: number): Turns {
  const hasPause = (turn: Turn) =>
    pauses.some(({ startTime, duration }) => startTime < turn.begun + turn.wall && startTime + duration > turn.begun);
  const longest = (values: readonly number[]) => Math.max(0, ...values);
  return {
    count: turns.length,
    longestWall: longest(turns.map((turn) => turn.wall)),
    longest: longest(turns.map((turn) => turn.cpu)),
    longestWithoutGc: longest(turns.filter((turn) => !hasPause(turn)).map((turn) => turn.cpu)),
    longestGc: longest(pauses.map(({ duration }) => duration)),
    cpu,
  };
}
