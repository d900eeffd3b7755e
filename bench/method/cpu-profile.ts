import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Job, runOne } from './processes';

/** A function, and its share of the time that was not idle. */
export interface SelfTime {
  readonly name: string;
  readonly share: number;
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** What a process spends on loading its modules, and on running them before they are compiled. */
const BEGIN_MICROS = 800_000;

/** Runs one job under `--cpu-prof`, and says where its time went. */
export function profile(
  script: string,
  job: Job,
  nodeArgs: readonly string[] = [],
  skipMicros = BEGIN_MICROS,
): SelfTime[] {
  const folder = mkdtempSync(join(tmpdir(), 'profiled-bench-'));
  try {
    runOne(script, job, [...nodeArgs, '--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${folder}`]);
    return selfTimes(JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as CpuProfile, skipMicros);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Self time by function after the first `skipMicros`, the most first. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile, skipMicros = 0): SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  let [clock, total] = [0, 0];
  for (const [i, id] of samples.entries()) {
    const micros = timeDeltas[i]!;
    const name = names.get(id)!;
    clock += micros;
    if (clock <= skipMicros || name === '(idle)') continue;
    total += micros;
    times.set(name, (times.get(name) ?? 0) + micros);
  }
  return [...times].map(([name, micros]) => ({ name, share: micros / total })).sort((a, b) => b.share - a.share);
}

function nameOf({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): string {
  return [functionName || '(anonymous)', url && basename(url)].filter(Boolean).join(' ');
}
