import type { Usage } from './answering';
import { LARGE, SMALL, type Task, TOGGLED, type Toggled } from './cases';
import { Child } from './child';
import { machine } from './machine';
import { type Plan, shuffled } from './rounds';
import { percentile, spread } from './statistics';

/** What a pair of processes compares: recording with nothing, and recording with itself. */
export const COMPARED = {
  all: { title: 'all that is recorded', over: 'nothing' },
  standard: { title: 'the standard set', over: 'nothing' },
  again: { title: 'recording beside itself (the control)', over: 'all' },
} as const;
type Compared = keyof typeof COMPARED;

/** Ratios of CPU for the same work in the same round, one a round: of the worker, and of both processes. */
export interface Ratios {
  readonly worker: number[];
  readonly both: number[];
}

/** The work: items of two sizes, and of each as many as take about as long. */
const WORK = { '20 B': { items: 2_000, size: SMALL }, '4 KiB': { items: 200, size: LARGE } } as const;
type Size = keyof typeof WORK;
const SIZES = Object.keys(WORK) as Size[];

/** What one pair of processes found with items of one size. */
export type RecordingCost = Readonly<Record<Compared, Ratios>>;

/** All of one run. */
export interface RecordingResult {
  readonly machine: Readonly<Record<string, string>>;
  readonly pairs: readonly Readonly<Record<Size, RecordingCost>>[];
}

const STREAMS = 16;
const WARM_ROUNDS = 5;

/**
 * What recording adds to the CPU. One worker has endpoints that record and one that does not, one requester asks them in turns for the
 * same, finished work; so nothing that two processes differ by is in a ratio.
 */
export async function runRecording({ recordingRounds, recordingProcesses }: Plan): Promise<RecordingResult> {
  const all: Record<Size, RecordingCost>[] = [];
  for (let i = 0; i < recordingProcesses; i++) {
    all.push(await onePair(recordingRounds));
    process.stderr.write(`recording, ${i + 1} of ${recordingProcesses} pairs of processes\n`);
  }
  return { machine: machine(), pairs: all };
}

async function onePair(rounds: number): Promise<Record<Size, RecordingCost>> {
  const server = new Child('server', ['toggled']);
  const client = new Child('client', ['toggled', '']);
  try {
    await server.ask('begin');
    await client.ask('begin');
    await server.ask('gate', 'open');
    const cost: Record<Size, RecordingCost> = { '20 B': noCost(), '4 KiB': noCost() };
    for (let n = -WARM_ROUNDS; n < rounds; n++) {
      for (const size of SIZES) {
        const cpu = {} as Record<Toggled, Cpu>;
        for (const endpoint of shuffled([...TOGGLED])) {
          cpu[endpoint] = await cpuOf(server, client, { ...WORK[size], endpoint });
        }
        if (n >= 0) note(cost[size], cpu);
      }
    }
    return cost;
  } finally {
    await client.end();
    await server.end();
  }
}

const none = (): Ratios => ({ worker: [], both: [] });
const noCost = (): RecordingCost => ({ all: none(), standard: none(), again: none() });

function note(cost: RecordingCost, cpu: Record<Toggled, Cpu>): void {
  for (const of of Object.keys(COMPARED) as Compared[]) {
    const [{ worker, both }, over] = [cpu[of], cpu[COMPARED[of].over]];
    cost[of].worker.push(worker / over.worker);
    cost[of].both.push(both / over.both);
  }
}

/** Milliseconds for one piece of work. */
interface Cpu {
  readonly worker: number;
  readonly both: number;
}

async function cpuOf(server: Child, client: Child, task: Task): Promise<Cpu> {
  const usage = () => Promise.all([server.ask<Usage>('usage'), client.ask<Usage>('usage')]);
  const before = await usage();
  await client.ask('finish', { task, streams: STREAMS });
  const [worker, requester] = (await usage()).map(({ cpuMs }, i) => cpuMs - before[i]!.cpuMs);
  return { worker: worker!, both: worker! + requester! };
}

/** The table of a run, which the page about the wire quotes. */
export function recordingLines({ machine: at, pairs }: RecordingResult): string[] {
  const percent = (ratio: number) => `${((ratio - 1) * 100).toFixed(1)} %`;
  const row = (title: string, size: Size, of: string, ratios: readonly number[]) => {
    const cells = [spread(ratios).median, percentile(ratios, 0.25), percentile(ratios, 0.75)].map(percent);
    return `| ${[title, size, of, String(ratios.length), ...cells].join(' | ')} |`;
  };
  const rows = SIZES.flatMap((size) =>
    (Object.keys(COMPARED) as Compared[]).flatMap((of) =>
      (['worker', 'both'] as const).map((whose) => {
        const ratios = pairs.flatMap((pair) => pair[size][of][whose]);
        return row(COMPARED[of].title, size, whose === 'worker' ? 'the worker' : 'worker and requester', ratios);
      }),
    ),
  );
  return [
    '| CPU more for the same work | items of | of | rounds | median | first quartile | third |',
    '|---|---:|---|---:|---:|---:|---:|',
    ...rows,
    '',
    `(${pairs.length} pairs of processes, ${at.cpu}, Node ${at.node}, ${at.date}.)`,
  ];
}
