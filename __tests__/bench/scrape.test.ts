import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quoted } from '../../bench/wire/quote';
import type { ScrapeReadings, ScrapeResult } from '../../bench/scrape/bench';
import { SCRAPE_FLOORS, scrapeRatiosOf } from '../../bench/scrape/floors';
import { scrapeLines, scrapeMarkdown } from '../../bench/scrape/report';
import { summary, watchTurns } from '../../bench/scrape/turns';

const ROOT = join(__dirname, '..', '..');
const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const recorded = JSON.parse(read('bench', 'results', 'scrape.json')) as ScrapeResult;

describe('the floors of scrapes', () => {
  const compared = (...times: number[]) => times.map((one) => ({ times: one, oursMs: 1, peerMs: one }));
  const memory = (scrapedHeap: number) => [{ decorator: 1, heap: 1, scrapedHeap, scrapedBuffers: 0 }];

  it('are of the medians over processes', () => {
    const readings: ScrapeReadings = {
      compared: { all: compared(10, 30, 20), tenth: compared(50), stock: compared(3, 2) },
      memory: { ours: memory(100), prom: memory(250) },
      turns: [],
    };
    expect(Object.values(scrapeRatiosOf(readings))).toEqual([20, 50, 2.5, 2.5]);
  });

  it('are told only where they were measured', () => {
    const only: ScrapeReadings = { compared: { stock: compared(2) }, memory: {}, turns: [] };
    expect(Object.keys(scrapeRatiosOf(only))).toEqual(["through prom-client's `Registry.metrics()`"]);
  });
});

describe('the watch on the event loop', () => {
  it('finds the longest turn, with garbage and without', () => {
    const turns = [
      { begun: 0, wall: 5, cpu: 4 },
      { begun: 5, wall: 20, cpu: 12 },
      { begun: 25, wall: 30, cpu: 3 },
    ];
    expect(summary(turns, [{ startTime: 10, duration: 8 }], 19)).toEqual({
      count: 3,
      longestWall: 30,
      longest: 12,
      longestWithoutGc: 4,
      longestGc: 8,
      cpu: 19,
    });
  });

  it('sees work that keeps the loop', async () => {
    const { longest, longestWall, cpu } = await watchTurns(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      for (const end = process.cpuUsage().user + 30_000; process.cpuUsage().user < end;);
      await new Promise((resolve) => setImmediate(resolve));
    });
    // Other threads of the process share its account, so the main thread had less than all of it.
    expect(longest).toBeGreaterThan(5);
    expect(longestWall).toBeGreaterThanOrEqual(longest * 0.9);
    expect(cpu).toBeGreaterThanOrEqual(longest);
  });
});

describe('what was recorded of scrapes', () => {
  it('has every floor', () => {
    expect(Object.keys(scrapeRatiosOf(recorded))).toEqual(SCRAPE_FLOORS.map(({ name }) => name));
  });

  it('is what the tables and the page show', () => {
    expect(scrapeMarkdown(recorded)).toBe(read('bench', 'results', 'scrape.md'));
    const page = read('docs', 'performance.md');
    expect(quoted(page, 'scrape', scrapeLines(recorded))).toBe(page);
  });
});
