import type { Usage } from './answering';
import { SMALL } from './cases';
import { Child } from './child';
import { machine } from './machine';
import { type Plan, shuffled } from './rounds';
import { percentile, spread } from './statistics';

const ENDPOINTS = ['on', 'off', 'again'] as const;

/** What one pair of processes found: the worker's CPU for the same work, of two endpoints in the same round. */
export interface RecordingCost {
  /** Recording over not recording. */
  readonly cost: readonly number[];
  /** Recording over recording: what two copies of the same program differ by. */
  readonly control: readonly number[];
}

/** All of one run. */
export interface RecordingResult {
  readonly machine: Readonly<Record<string, string>>;
  readonly pairs: readonly RecordingCost[];
}

const STREAMS = 16;
const WORK = { items: 2_000, size: SMALL };
const WARM_ROUNDS = 5;

/**
 * What recording adds to the worker's CPU. One worker has endpoints that record and one that does not, one requester asks them in turns
 * for the same, finished work; so nothing that two processes differ by is in a ratio.
 */
export async function runRecording({ recordingRounds, recordingProcesses }: Plan): Promise<RecordingResult> {
  const all: RecordingCost[] = [];
  for (let i = 0; i < recordingProcesses; i++) {
    all.push(await onePair(recordingRounds));
    process.stderr.write(`recording, ${i + 1} of ${recordingProcesses} pairs of processes\n`);
  }
  return { machine: machine(), pairs: all };
}

async function onePair(rounds: number): Promise<RecordingCost> {
  const server = new Child('server', ['toggled']);
  const client = new Child('client', ['toggled', '']);
  try {
    await server.ask('begin');
    await client.ask('begin');
    await server.ask('gate', 'open');
    const cost: number[] = [];
    const control: number[] = [];
    for (let n = -WARM_ROUNDS; n < rounds; n++) {
      const cpu: Partial<Record<(typeof ENDPOINTS)[number], number>> = {};
      for (const endpoint of shuffled([...ENDPOINTS])) cpu[endpoint] = await cpuOf(server, client, endpoint);
      if (n < 0) continue;
      cost.push(cpu.on! / cpu.off!);
      control.push(cpu.on! / cpu.again!);
    }
    return { cost, control };
  } finally {
    await client.end();
    await server.end();
  }
}

/** Milliseconds of the worker for one piece of work. */
async function cpuOf(server: Child, client: Child, endpoint: string): Promise<number> {
  const before = await server.ask<Usage>('usage');
  await client.ask('finish', { task: { ...WORK, endpoint }, streams: STREAMS });
  const after = await server.ask<Usage>('usage');
  return after.cpuMs - before.cpuMs;
}

/** The table of a run, which the page about the wire quotes. */
export function recordingLines({ machine: at, pairs }: RecordingResult): string[] {
  const percent = (ratio: number) => `${((ratio - 1) * 100).toFixed(1)} %`;
  const row = (title: string, ratios: readonly number[]) => {
    const cells = [spread(ratios).median, percentile(ratios, 0.25), percentile(ratios, 0.75)].map(percent);
    return `| ${[title, String(ratios.length), ...cells].join(' | ')} |`;
  };
  return [
    "| the worker's CPU for the same work | rounds | median | first quartile | third |",
    '|---|---:|---:|---:|---:|',
    ...pairs.map(({ cost }, i) => row(`recording over not recording, processes ${i + 1}`, cost)),
    ...pairs.map(({ control }, i) => row(`recording over recording, processes ${i + 1}`, control)),
    row(
      'recording over not recording, all',
      pairs.flatMap(({ cost }) => cost),
    ),
    row(
      'recording over recording, all (the control)',
      pairs.flatMap(({ control }) => control),
    ),
    '',
    `(${at.cpu}, Node ${at.node}, ${at.date}.)`,
  ];
}
