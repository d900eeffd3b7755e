import { hrtime as hrtimeOf } from 'node:process';

const hrtime = hrtimeOf;

/** Monotonic time in seconds. `process.hrtime` folded to one number is the cheapest clock of Node (about 40 ns). */
export function now(): number {
  const [seconds, nanos] = hrtime();
  return seconds + nanos * 1e-9;
}
