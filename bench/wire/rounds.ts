import { type Case, CASES } from './cases';
import { Pair, type Reading } from './pair';
import { type PeerName } from './peer';

/** How long and how often. */
export interface Plan {
  readonly rounds: number;
  readonly windowMs: number;
  readonly warmMs: number;
  /** Cases with more streams are left out. */
  readonly maxStreams: number;
  /** Rounds for the cost of recording, and in how many pairs of processes. */
  readonly recordingRounds: number;
  readonly recordingProcesses: number;
}

export const PLANS: Readonly<Record<'quick' | 'full', Plan>> = {
  quick: { rounds: 2, windowMs: 200, warmMs: 50, maxStreams: 64, recordingRounds: 20, recordingProcesses: 1 },
  full: { rounds: 3, windowMs: 400, warmMs: 100, maxStreams: Infinity, recordingRounds: 100, recordingProcesses: 3 },
};

/** All readings of one peer, by the name of the case, one for each round. */
export interface PeerReadings {
  readonly title: string;
  readonly cases: Record<string, Reading[]>;
}

export type Readings = Partial<Record<PeerName, PeerReadings>>;

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Starts every peer that can be had here; says which can not and why. */
export async function startAll(
  names: readonly PeerName[],
  nodeArgs: readonly string[] = [],
): Promise<Map<PeerName, Pair>> {
  const pairs = new Map<PeerName, Pair>();
  for (const name of names) {
    try {
      pairs.set(name, await Pair.start(name, nodeArgs));
    } catch (error) {
      say(`${name} is left out: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    }
  }
  return pairs;
}

/** Runs every case against every peer, in rounds and one before them that does not count, the peers of a case one right after the other and in another order each time. */
export async function runRounds(pairs: Map<PeerName, Pair>, plan: Plan, cases = CASES): Promise<Readings> {
  const readings: Readings = {};
  for (const [name, { title }] of pairs) readings[name] = { title, cases: {} };
  // The first round is for the compilers alone.
  for (let round = 0; round <= plan.rounds; round++) {
    for (const of of cases) {
      if (round === 0 && of.kind === 'memory') continue;
      for (const name of shuffled([...pairs.keys()])) {
        const begun = performance.now();
        const reading = await runOne(pairs, name, of, plan);
        if (round > 0) (readings[name]!.cases[of.name] ??= []).push(reading);
        say(`${round}/${plan.rounds} ${name}, ${of.name}: ${Math.round(performance.now() - begun)} ms`);
      }
    }
  }
  return readings;
}

/** One case; a pair that fails in it is replaced by a new one. */
async function runOne(pairs: Map<PeerName, Pair>, name: PeerName, of: Case, plan: Plan): Promise<Reading> {
  // Memory is told apart only where none was used and freed before.
  if (of.kind === 'memory') await renew(pairs, name);
  const pair = pairs.get(name)!;
  try {
    return await pair.run(of, plan.windowMs, plan.warmMs);
  } catch (error) {
    const failure = (error as Error).message;
    say(`${pair.title} failed in ${of.name}: ${failure}`);
    await renew(pairs, name);
    // Without its stack, which has the paths of this machine.
    return { failure: failure.split('\n', 1)[0]! };
  }
}

async function renew(pairs: Map<PeerName, Pair>, name: PeerName): Promise<void> {
  await pairs.get(name)!.end();
  pairs.set(name, await Pair.start(name));
}

/** In an order drawn anew. */
export function shuffled<T>(values: T[]): T[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}
