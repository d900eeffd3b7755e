import type { Registry } from 'prom-client';
import { log } from '../../internal/logger';
import type { CellFamily, Family } from '../family';
import type { Cell } from '../instruments';
import { SELF_METRICS } from '../names';
import { storeOf } from '../store';
import type { CollectedFamily } from './text';

/** Why a scrape left a metric out. */
export const FAILURE_REASONS = ['error', 'timeout'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

const { name, help } = SELF_METRICS.scrapeErrors;

/**
 * Counts the metrics that scrapes of one registry left out. Both reasons stand at 0 from the first scrape on. In a merged
 * registry the count goes to the family that came with it; where a metric of someone else holds the name, failures are only
 * logged.
 */
export class ScrapeFailures {
  readonly #metric: object | undefined;
  readonly #cells: ReadonlyMap<FailureReason, Cell>;

  constructor(registry: Registry) {
    if (!registry.getSingleMetric(name)) storeOf(registry).scrapeErrors('error');
    const metric: object | undefined = registry.getSingleMetric(name);
    const family = metric && isOurs(metric) ? (metric as unknown as CellFamily) : undefined;
    this.#metric = family;
    this.#cells = new Map(family && FAILURE_REASONS.map((reason) => [reason, family.series({ reason })]));
  }

  /** Whether `metric` is this counter itself. */
  is(metric: object): boolean {
    return metric === this.#metric;
  }

  count(metric: string, reason: FailureReason, cause?: unknown): void {
    const cell = this.#cells.get(reason);
    if (cell) cell.value += 1;
    log.write('error', { metric, reason, err: cause }, `metric ${metric} was left out of a scrape`);
  }

  /** The counter as it stands now: read last, it shows what failed in the scrape under way. */
  collect(): CollectedFamily {
    const values = [...this.#cells.values()].map(({ value, labels }) => ({ value, labels }));
    return { name, help, type: 'counter', values };
  }
}

/** True for the families of this package, those of another copy of it too, for which `instanceof` would not do. */
export function isOurs(metric: object): metric is Family {
  return 'definition' in metric && 'series' in metric;
}
