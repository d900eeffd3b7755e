import type { Floor, Ratios, Suite } from '../method/guard';
import { spread } from '../wire/statistics';
import { type Compared, measureScrapes, SCRAPE_PLANS, type ScrapeReadings } from './bench';

interface ScrapeFloor extends Floor {
  readonly what: Compared | 'heap';
}

export const SCRAPE_FLOORS: readonly ScrapeFloor[] = [
  { name: 'a scrape, all changed', what: 'all', atLeast: 15 },
  { name: 'a scrape, one in ten changed', what: 'tenth', atLeast: 40 },
  { name: "through prom-client's `Registry.metrics()`", what: 'stock', atLeast: 2 },
  // Bytes are counted, not timed.
  { name: "heap for a handler's series, scraped", what: 'heap', atLeast: 2, margin: 1.1 },
];

/** How long the event loop may be kept from turning, in milliseconds. An absolute time: a test without a clock holds it, not the guard. */
export const TURN_LIMIT_MS = 10;

/** How many times less ours takes, by the name of the floor. */
export function scrapeRatiosOf({ compared, memory }: ScrapeReadings): Ratios {
  return Object.fromEntries(
    SCRAPE_FLOORS.flatMap(({ name, what }) => {
      const times = what === 'heap' ? heapTimes(memory) : compared[what]?.map((one) => one.times);
      return times && times.length > 0 ? [[name, spread(times).median]] : [];
    }),
  );
}

function heapTimes({ ours, prom }: ScrapeReadings['memory']): number[] | undefined {
  return ours && prom?.map(({ scrapedHeap }, i) => scrapedHeap / ours[i]!.scrapedHeap);
}

/** What the guard watches of scrapes. */
export function scrapeSuite(): Suite {
  return {
    floors: SCRAPE_FLOORS,
    measure(floors) {
      const chosen = SCRAPE_FLOORS.filter((one) => floors.includes(one)).map(({ what }) => what);
      const compared = chosen.filter((what) => what !== 'heap');
      return scrapeRatiosOf(measureScrapes(SCRAPE_PLANS.guard, compared, chosen.includes('heap')));
    },
  };
}
