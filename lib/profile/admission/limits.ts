import { ProfiledError } from '../../errors';
import { MAX_TIMER_MS } from '../../internal/clock';
import { show } from '../../metrics/labels';

/**
 * How many calls of a handler run at once, over all its instances in this process, and what becomes of one more. For calls in
 * process; what an ingress serves has the ingress' own limit, `maxConcurrentRequests`.
 */
export interface LimitOptions {
  /**
   * Calls under way at once, 1 or more; a stream is under way until it is over. One more waits, or is refused with
   * PROFILED_OVERLOADED. A call that the handler makes to itself runs with the room of the call that it is part of.
   * Costs an `AsyncLocalStorage` where it is set. @default no limit
   */
  readonly maxConcurrent?: number;
  /**
   * Calls that may wait for room, first come, first served; `Infinity` for no limit. Needs `maxConcurrent`. Only a promise or an
   * async generator can wait for its caller: a handler that answers anything else refuses at once.
   * @default 0, which refuses at once
   */
  readonly maxQueued?: number;
  /** How long a call waits before it is refused, in milliseconds, 1 or more. Needs `maxQueued`. @default no limit */
  readonly queueTimeoutMs?: number;
}

/** The options of a limit, by name. */
export const LIMIT_OPTIONS = ['maxConcurrent', 'maxQueued', 'queueTimeoutMs'] as const;

/** @throws PROFILED_CONFIG_INVALID, naming the option */
export function checkLimits({ maxConcurrent, maxQueued, queueTimeoutMs }: LimitOptions): void {
  if (maxConcurrent !== undefined && !isWhole(maxConcurrent, 1))
    throw invalid('maxConcurrent', 'must be a whole number of calls, 1 or more', maxConcurrent);
  if (maxQueued !== undefined && maxQueued !== Infinity && !isWhole(maxQueued, 0))
    throw invalid('maxQueued', 'must be a whole number of calls, 0 or more, or Infinity', maxQueued);
  const isTime = typeof queueTimeoutMs === 'number' && queueTimeoutMs >= 1 && queueTimeoutMs <= MAX_TIMER_MS;
  if (queueTimeoutMs !== undefined && !isTime)
    throw invalid('queueTimeoutMs', `must be milliseconds from 1 to ${MAX_TIMER_MS}`, queueTimeoutMs);
  if (maxQueued !== undefined && maxConcurrent === undefined)
    throw invalid('maxQueued', 'needs `maxConcurrent`: without a limit no call waits', maxQueued);
  if (queueTimeoutMs !== undefined && !maxQueued)
    throw invalid('queueTimeoutMs', 'needs a `maxQueued` of 1 or more: without it no call waits', queueTimeoutMs);
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function invalid(option: string, expected: string, value: unknown): ProfiledError {
  return new ProfiledError('PROFILED_CONFIG_INVALID', `\`${option}\` ${expected}, got ${show(value)}`);
}
