/** `npm run bench -- [full | quick | scrape | scaling | guard [slowed] | report]` */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runGuard } from './method/guard';
import { append, lastRatios } from './method/history';
import { ownVersion } from './method/packages';
import { quoteInto } from './wire/quote';
import { benchRecording, type Result } from './recording/bench';
import { ratiosOf, recordingSuite } from './recording/floors';
import { PLANS } from './recording/plan';
import { floorLines, markdown, profileLines, readmeLines } from './recording/report';
import { benchScrape, SCRAPE_PLANS, type ScrapeResult } from './scrape/bench';
import { scrapeRatiosOf, scrapeSuite } from './scrape/floors';
import { scrapeLines, scrapeMarkdown } from './scrape/report';
import { benchScaling, QUESTIONS, SCALING_PLAN, type ScalingResult } from './scaling/bench';
import { drawn, scalingLines, scalingMarkdown } from './scaling/report';

const ROOT = join(__dirname, '..', '..');
const RESULTS = join(ROOT, 'bench', 'results');
const HISTORY = join(RESULTS, 'history.jsonl');
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Fails when ours has become dearer, beside its peers, than it may be. The floors of every bench come together here. */
function guard(slowed: boolean): void {
  const suites = [recordingSuite(slowed), scrapeSuite()];
  const recorded = { ...scrapeRatiosOf(recordedScrapes()), ...lastRatios(HISTORY) };
  if (!runGuard(suites, recorded, say)) process.exitCode = 1;
}

/** Measures everything; writes the results, adds them to the history and quotes them where they are quoted. */
function full(): void {
  const result = benchRecording(PLANS.full);
  writeFileSync(join(RESULTS, 'recording.json'), `${JSON.stringify(result)}\n`);
  publish(result);
  const ratios = { ...ratiosOf(result.cells), ...scrapeRatiosOf(scrape()) };
  const { date, node, cpu } = result.machine as Record<'date' | 'node' | 'cpu', string>;
  append(HISTORY, { date, version: ownVersion(), node, cpu, ratios });
  scaling();
}

/** Measures scrapes alone; the history is of full runs. */
function scrape(): ScrapeResult {
  const result = benchScrape(SCRAPE_PLANS.full);
  writeFileSync(join(RESULTS, 'scrape.json'), `${JSON.stringify(result)}\n`);
  publishScrape(result);
  return result;
}

/** Measures how costs grow; no floor is among them. */
function scaling(): void {
  const result = benchScaling(SCALING_PLAN);
  writeFileSync(join(RESULTS, 'scaling.json'), `${JSON.stringify(result)}\n`);
  publishScaling(result);
}

function quick(): void {
  process.stdout.write(markdown(benchRecording(PLANS.quick)));
  process.stdout.write(scrapeMarkdown(benchScrape(SCRAPE_PLANS.quick)));
}

/** Writes all pages again from the results that are there. */
function report(): void {
  publish(JSON.parse(readFileSync(join(RESULTS, 'recording.json'), 'utf8')) as Result);
  publishScrape(recordedScrapes());
  publishScaling(JSON.parse(readFileSync(join(RESULTS, 'scaling.json'), 'utf8')) as ScalingResult);
}

/** Scrapes may have been measured alone, after the last run in the history. */
function recordedScrapes(): ScrapeResult {
  return JSON.parse(readFileSync(join(RESULTS, 'scrape.json'), 'utf8')) as ScrapeResult;
}

function publishScrape(result: ScrapeResult): void {
  writeFileSync(join(RESULTS, 'scrape.md'), scrapeMarkdown(result));
  quoteInto(join(ROOT, 'docs', 'performance.md'), 'scrape', scrapeLines(result));
  process.stdout.write(scrapeMarkdown(result));
}

function publishScaling(result: ScalingResult): void {
  writeFileSync(join(RESULTS, 'scaling.md'), scalingMarkdown(result));
  const plots = drawn(result);
  for (const question of QUESTIONS) {
    writeFileSync(join(ROOT, 'docs', 'performance', `${question}.svg`), plots[question]);
    quoteInto(join(ROOT, 'docs', 'performance-scaling.md'), question, scalingLines(result, question));
  }
  process.stdout.write(scalingMarkdown(result));
}

/** Writes what follows from the results that are there. */
function publish(result: Result): void {
  writeFileSync(join(RESULTS, 'recording.md'), markdown(result));
  quoteInto(join(ROOT, 'README.md'), 'recording', readmeLines(result));
  quoteInto(join(ROOT, 'docs', 'performance.md'), 'floors', floorLines(result));
  quoteInto(join(ROOT, 'docs', 'performance.md'), 'profiles', profileLines(result));
  process.stdout.write(markdown(result));
}

function main(): void {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [mode = 'full', detail] = positionals;
  if (mode === 'full') full();
  else if (mode === 'quick') quick();
  else if (mode === 'scrape') scrape();
  else if (mode === 'scaling') scaling();
  else if (mode === 'guard') guard(detail === 'slowed');
  else if (mode === 'report') report();
  else throw new Error(`unknown: ${mode}; there are full, quick, scrape, scaling, guard and report`);
}

main();
