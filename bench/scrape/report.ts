import { fine, table, whole } from '../method/table';
import { spread } from '../wire/statistics';
import { COMPARED, type ScrapeResult } from './bench';
import type { Memory } from './readings';
import type { Turns } from './turns';
import { SCRAPE_FLOORS, scrapeRatiosOf, TURN_LIMIT_MS } from './floors';

const TITLES = {
  all: 'all changed',
  tenth: 'one in ten changed',
  stock: "ours through prom-client's `Registry.metrics()`",
  control: 'prom-client beside itself (the control)',
} as const;

/** The whole run as Markdown. */
export function scrapeMarkdown(result: ScrapeResult): string {
  const about = Object.entries(result.machine).map(([name, value]) => `${name} ${value}`);
  const { rounds, pairs } = result.plan;
  const head = `${about.join('; ')}. ${rounds} processes for each row, in each ${pairs} pairs of scrapes.`;
  return `${['# Scrapes, measured', '', head, '', ...scrapeLines(result)].join('\n').trimEnd()}\n`;
}

/** Its tables, which the page about performance quotes. */
export function scrapeLines(result: ScrapeResult): string[] {
  return [...floorLines(result), ...comparedLines(result), ...memoryLines(result), ...turnLines(result)];
}

function floorLines(result: ScrapeResult): string[] {
  const ratios = scrapeRatiosOf(result);
  const rows = SCRAPE_FLOORS.map(({ name, atLeast }) => {
    const times = ratios[name]!;
    return [name, fine(times), `${atLeast}`, times >= atLeast ? 'met' : 'not met'];
  });
  return table(["beside prom-client's `metrics()`", 'times less', 'floor', ''], rows);
}

function comparedLines({ compared, plan }: ScrapeResult): string[] {
  const rows = COMPARED.map((what) => {
    const readings = compared[what]!;
    const { median, min, max } = spread(readings.map(({ times }) => times));
    const middle = (of: 'oursMs' | 'peerMs') => fine(spread(readings.map((one) => one[of])).median);
    return [TITLES[what], middle('oursMs'), middle('peerMs'), `${fine(median)} (${fine(min)}..${fine(max)})`];
  });
  const head = `${whole(plan.handlers)} handlers, 29 series each; ms of CPU`;
  return table([head, 'ours', 'prom-client', 'times less (from..to)'], rows);
}

function memoryLines({ memory, plan }: ScrapeResult): string[] {
  const rows = (['ours', 'prom'] as const).map((side) => {
    const middle = (of: keyof Memory) => whole(spread(memory[side]!.map((one) => one[of])).median);
    const [title, decorator] = side === 'ours' ? ['Profiled', middle('decorator')] : ['prom-client', '-'];
    return [title, middle('heap'), middle('scrapedHeap'), middle('scrapedBuffers'), decorator];
  });
  const head = `bytes for each of ${whole(plan.handlers)}`;
  return table([head, 'heap', 'heap, scraped', 'buffers, scraped', 'heap for the decorated class besides'], rows);
}

function turnLines({ turns, plan }: ScrapeResult): string[] {
  const titles = {
    first: 'the first scrape, which makes all series',
    identity: 'all changed',
    gzip: 'all changed, gzip',
  } as const;
  const rows = (['first', 'identity', 'gzip'] as const).map((which) => {
    const worst = (of: keyof Turns) => Math.max(...turns.map((one) => one[which][of]));
    const cpu = spread(turns.map((one) => one[which].cpu)).median;
    const isMet = worst('longest') <= TURN_LIMIT_MS;
    const figures = [worst('longest'), worst('longestWithoutGc'), worst('longestWall'), worst('longestGc'), cpu];
    return [titles[which], ...figures.map(fine), isMet ? 'met' : 'not met'];
  });
  const head = `${whole(plan.manyHandlers)} handlers, ${whole(plan.manyHandlers * 29)} series; ms`;
  return table(
    [head, 'longest turn, CPU', 'without garbage', 'wall', 'pause for garbage, wall', 'CPU of a scrape', '10 ms'],
    rows,
  );
}
