import { ProfiledError } from '../errors';
import { COLLECT_TIMEOUT_MS } from '../metrics/exposition/collect';
import { show } from '../metrics/labels';

/** What scrapes may take. */
export interface ScrapeLimits {
  /**
   * How many scrapes may be under way at once, from 1; one more is answered with 503. Scrapes at the same time in the same format
   * share the work, and count each.
   * @default 10
   */
  readonly maxScrapesInFlight?: number;
  /**
   * How long a metric that has to be waited for may take before it is left out, in milliseconds. 80 % of the time limit that
   * Prometheus sends along goes before it if that is less.
   * @default 1000
   */
  readonly collectTimeoutMs?: number;
}

const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws PROFILED_CONFIG_INVALID naming the option */
export function resolveScrapeLimits(limits: ScrapeLimits): Required<ScrapeLimits> {
  const { maxScrapesInFlight = 10, collectTimeoutMs = COLLECT_TIMEOUT_MS } = limits;
  if (!Number.isInteger(maxScrapesInFlight) || maxScrapesInFlight < 1) {
    refuse('maxScrapesInFlight', 'a whole number of 1 or more', maxScrapesInFlight);
  }
  if (!(typeof collectTimeoutMs === 'number' && collectTimeoutMs >= 1 && collectTimeoutMs <= MAX_TIMER_MS)) {
    refuse('collectTimeoutMs', `a number of milliseconds from 1 to ${MAX_TIMER_MS}`, collectTimeoutMs);
  }
  return Object.freeze({ maxScrapesInFlight, collectTimeoutMs });
}

function refuse(option: keyof ScrapeLimits, expected: string, got: unknown): never {
  throw new ProfiledError('PROFILED_CONFIG_INVALID', `\`${option}\` must be ${expected}, got ${show(got)}`);
}
