import type { Registry } from 'prom-client';
import { log } from '../../internal/logger';
import type { CellFamily, Family } from '../family';
import type { Cell } from '../instruments';
import { SELF_METRICS } from '../names';
import { storeOf } from '../store';

/** Why a scrape left a metric out. */
export const FAILURE_REASONS = ['error', 'timeout'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

const { name } = SELF_METRICS.scrapeErrors;

/**
 * Counts the metrics that scrapes of one registry left out. Both reasons stand at 0 from the first scrape on. In a merged
 * registry the count goes to the family that came with it; where a metric of someone else holds the name, failures are only
 * logged.
 */
export class ScrapeFailures {
  readonly #cells: ReadonlyMap<FailureReason, Cell>;

  constructor(registry: Registry) {
    if (!registry.getSingleMetric(name)) storeOf(registry).scrapeErrors('error');
    const metric: object | undefined = registry.getSingleMetric(name);
    const family = metric && isOurs(metric) ? (metric as unknown as CellFamily) : undefined;
    this.#cells = new Map(family && FAILURE_REASONS.map((reason) => [reason, family.series({ reason })]));
  }

  count(metric: string, reason: FailureReason, cause?: unknown): void {
    const cell = this.#cells.get(reason);
    if (cell) cell.value += 1;
    log.write('error', { metric, reason, err: cause }, `metric ${metric} was left out of a scrape`);
  }
}

/** True for the families of this package, those of another copy of it too, for which `instanceof` would not do. */
export function isOurs(metric: object): metric is Family {
  return 'definition' in metric && 'series' in metric;
}
