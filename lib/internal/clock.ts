import { hrtime as hrtimeOf } from 'node:process';

const hrtime = hrtimeOf;

/** The longest timer that Node has, in milliseconds; a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Monotonic time in seconds. `process.hrtime` folded to one number is the cheapest clock of Node (about 25 ns). */
export function now(): number {
  const time = hrtime();
  return time[0] + time[1] * 1e-9;
}

/** What a reading of {@link now} is to be added to, in seconds, and up to which reading it holds. */
let unixOffset = 0;
let unixOffsetUntil = -Infinity;

/** Unix time in seconds of a reading of {@link now} that was just taken, to the millisecond. A clock that is set is followed within a second. */
export function unixAt(seconds: number): number {
  if (seconds >= unixOffsetUntil) {
    unixOffset = Date.now() / 1000 - seconds;
    unixOffsetUntil = seconds + 1;
  }
  return unixOffset + seconds;
}

/** What `performance.now()` is to be added to, in milliseconds. It is corrected with each use. */
let origin = performance.timeOrigin;

/**
 * Unix time in nanoseconds. `Date.now()` follows the machine's clock but knows only whole milliseconds; the monotonic clock tells
 * where within that millisecond we are. A clock that is set, or a pause between the two readings, is made good by the next call.
 */
export function unixNanos(): bigint {
  const elapsed = performance.now();
  const millisecond = Date.now();
  const time = Math.min(Math.max(origin + elapsed, millisecond), millisecond + 1);
  origin = time - elapsed;
  // A number of today's nanoseconds would be exact to 256 of them.
  return BigInt(millisecond) * 1_000_000n + BigInt(Math.round((time - millisecond) * 1e6));
}
