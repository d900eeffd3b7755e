/** `npm run bench -- [quick | guard [slowed]]` */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runGuard } from './method/guard';
import { append, lastRatios } from './method/history';
import { ownVersion } from './method/packages';
import { quoteInto } from './method/quote';
import { benchRecording, type Result } from './recording/bench';
import { ratiosOf, recordingSuite } from './recording/floors';
import { PLANS } from './recording/plan';
import { floorLines, markdown, profileLines, readmeLines } from './recording/report';

const ROOT = join(__dirname, '..', '..');
const RESULTS = join(ROOT, 'bench', 'results');
const HISTORY = join(RESULTS, 'history.jsonl');
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Fails when ours has become dearer, beside its peers, than it may be. The floors of every bench come together here. */
function guard(slowed: boolean): void {
  const suites = [recordingSuite(slowed)];
  if (!runGuard(suites, lastRatios(HISTORY), say)) process.exitCode = 1;
}

/** Measures everything; writes the results, adds them to the history and quotes them where they are quoted. */
function full(): void {
  const result = benchRecording(PLANS.full);
  writeFileSync(join(RESULTS, 'recording.json'), `${JSON.stringify(result)}\n`);
  const { date, node, cpu } = result.machine as Record<'date' | 'node' | 'cpu', string>;
  append(HISTORY, { date, version: ownVersion(), node, cpu, ratios: ratiosOf(result.cells) });
  publish(result);
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
  else if (mode === 'quick') process.stdout.write(markdown(benchRecording(PLANS.quick)));
  else if (mode === 'guard') guard(detail === 'slowed');
  else if (mode === 'report') publish(JSON.parse(readFileSync(join(RESULTS, 'recording.json'), 'utf8')) as Result);
  else throw new Error(`unknown: ${mode}; there are full, quick, guard and report`);
}

main();
