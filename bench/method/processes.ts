import { execFileSync } from 'node:child_process';
import { type Reading, NODE_ARGS } from './measure';

/** One thing to measure, in a process of its own. It is handed to the process as JSON. */
export type Job = Readonly<Record<string, unknown>>;

/** Runs `script` with each job so many times, in an order that is drawn anew for each round. Readings are by job. */
export function runAll<J extends Job, R = Reading>(
  script: string,
  jobs: readonly J[],
  rounds: number,
  run: (script: string, job: J) => R = (file, job) => runOne(file, job) as R,
): Map<J, R[]> {
  const readings = new Map<J, R[]>(jobs.map((job) => [job, []]));
  for (let round = 1; round <= rounds && jobs.length > 0; round++) {
    const begun = performance.now();
    for (const job of shuffled(jobs)) readings.get(job)!.push(run(script, job));
    const seconds = Math.round((performance.now() - begun) / 1_000);
    process.stderr.write(`round ${round} of ${rounds}: ${jobs.length} processes, ${seconds} s\n`);
  }
  return readings;
}

/** What `script` wrote as the last line of its output. @throws when it fails */
export function runOne(script: string, job: Job, nodeArgs: readonly string[] = []): Reading {
  return runNode(script, job, [...NODE_ARGS, ...nodeArgs]);
}

/** The same with these arguments of Node alone, and for whatever it wrote. */
export function runNode<R>(script: string, job: Job, nodeArgs: readonly string[]): R {
  const args = [...nodeArgs, script, JSON.stringify(job)];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as R;
}

function shuffled<T>(values: readonly T[]): T[] {
  const order = [...values];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
