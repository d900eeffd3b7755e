/** `npm run soak -- [seconds]` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { machine } from '../wire/machine';
import { type Done, FAULTS, inflict } from './faults';
import { Ledger } from './ledger';
import { markdown, memoryOf, type Memory, type Result } from './report';
import { Soak } from './soak';

const RESULTS = resolve(__dirname, '../../../../results');
const DEFAULT_SECONDS = 600;
const EVERY_SECONDS = 20;
const READING_SECONDS = 5;
/** What may be gained from the second to the last quarter, in MiB: what garbage and a busy machine make it vary by. */
const HELD_SLACK = 3;
const RSS_SLACK = 24;

/** Does a fault every 20 seconds, in turn, until the time is over. */
async function run(soak: Soak, seconds: number): Promise<Done[]> {
  const done: Done[] = [];
  const began = Date.now();
  const elapsed = () => (Date.now() - began) / 1_000;
  const names = Object.keys(FAULTS);
  for (let n = 1; n * EVERY_SECONDS < seconds; n++) {
    await readUntil(soak, () => elapsed() >= n * EVERY_SECONDS);
    const fault = await inflict(soak, names[(n - 1) % names.length]!);
    done.push(fault);
    const after = fault.well ? `well after ${((fault.well - fault.began) / 1_000).toFixed(1)} s` : 'never well';
    process.stderr.write(`${elapsed().toFixed(0)} s  ${fault.name}: ${after}\n`);
  }
  await readUntil(soak, () => elapsed() >= seconds);
  return done;
}

async function readUntil(soak: Soak, isOver: () => boolean): Promise<void> {
  for (let n = 0; !isOver(); n++) {
    if (n % (READING_SECONDS * 10) === 0) await soak.read();
    await sleep(100);
  }
}

function memoryProblems(memory: readonly Memory[]): string[] {
  const grown = ([before, after]: readonly [number, number], slack: number) => after - before > slack;
  return memory.flatMap(({ member, held, rss, files }) => [
    ...(grown(held, HELD_SLACK) ? [`${member} holds ${(held[1] - held[0]).toFixed(1)} MiB more than before`] : []),
    ...(grown(rss, RSS_SLACK) ? [`${member} has ${(rss[1] - rss[0]).toFixed(1)} MiB more resident than before`] : []),
    ...(grown(files, 0) ? [`${member} has ${files[1] - files[0]} files open more than before`] : []),
  ]);
}

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? DEFAULT_SECONDS);
  await using soak = await Soak.start();
  await soak.load();
  const faults = await run(soak, seconds);
  await soak.finish();

  const ledger = new Ledger(soak.members, faults);
  const memory = memoryOf(soak.readings);
  const problems = [...soak.problems, ...ledger.problems, ...memoryProblems(memory)];
  const result: Result = {
    machine: machine(),
    seconds,
    everySeconds: EVERY_SECONDS,
    calls: ledger.calls,
    slowestMs: ledger.slowestMs,
    ends: ledger.ends(),
    failures: ledger.failures(),
    accounts: ledger.accounts,
    faults,
    memory,
    readings: soak.readings,
    problems,
  };
  const text = markdown(result);
  process.stdout.write(text);
  if (problems.length > 0) process.exitCode = 1;
  if (seconds < DEFAULT_SECONDS) return;
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, 'soak.json'), `${JSON.stringify(result)}\n`);
  writeFileSync(join(RESULTS, 'soak.md'), text);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
