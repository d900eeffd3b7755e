import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { deferred, type Deferred } from '../../lib/internal/deferred';
import { pythonOf, VERSIONS } from './versions';

/** What a client is asked to send. */
export interface Call {
  readonly mode: 'random' | 'roundRobin' | 'direct';
  /** The task for the worker, `{"do":"count","n":3}` for one. */
  readonly request: unknown;
  /** For `direct`: the instance's id in decimal digits. */
  readonly instance?: string;
  /** What to do after so many items: ask the worker to stop and read on, or leave the stream. */
  readonly cancel?: 'stop' | 'leave';
  readonly after?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** One line to a client's stdin; `n` is its number. The answer has the same one. */
export type Command = ({ readonly op: 'call' } & Call) | { readonly op: 'wait'; readonly count: number };

/** One line of a peer's stdout: `ready`, of a client `begun` and `answer`, of a worker `request` and `ended`. */
export interface PeerEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What became of a call: its items, and the error that ended it. */
export interface Answer {
  readonly id: string;
  readonly items: readonly unknown[];
  readonly error: string | null;
}

const PROGRAMS = {
  ts: (role: string) => [process.execPath, ['--import', 'tsx', join(__dirname, `${role}.ts`)]] as const,
  python: (role: string, version: string) => [pythonOf(version), [join(__dirname, `${role}.py`)]] as const,
};
export type Language = keyof typeof PROGRAMS;

/** The releases to test against; none where their environments could not be made. */
export const versions = VERSIONS.filter((version) => existsSync(pythonOf(version)));

/** Whether a release is `minimum` or later. */
export function isFrom(minimum: string, version: string): boolean {
  return version.localeCompare(minimum, 'en', { numeric: true }) >= 0;
}

/** How long anything may take before the test that waits for it fails, in milliseconds. */
const LIMIT_MS = 30_000;

interface Waiting {
  readonly wanted: Readonly<Record<string, unknown>>;
  readonly matches: (event: PeerEvent) => boolean;
  readonly found: Deferred<PeerEvent>;
}

/** A worker or client in a process of its own, this package's or the real runtime's. It ends with its stdin. */
export class Peer {
  readonly events: PeerEvent[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Set<Waiting>();
  #stderr = '';
  #calls = 0;

  constructor(
    language: Language,
    role: 'worker' | 'client',
    version: string,
    endpoint: string,
    env: Record<string, string>,
  ) {
    const [program, args] = PROGRAMS[language](role, version);
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(DYN_|NATS_|ETCD_|NODE_OPTIONS|JEST_)/.test(name),
    );
    this.#child = spawn(program, [...args, endpoint], { env: { ...Object.fromEntries(inherited), ...env } });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#child.stdin.on('error', () => {}); // it was killed
    this.#child.on('close', () => this.#giveUp('the process has ended'));
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line));
  }

  /** What it wrote to its log. */
  get log(): string {
    return this.#stderr;
  }

  /** The first event, past or to come, that has these fields. */
  async event(wanted: Record<string, unknown>): Promise<PeerEvent> {
    const matches = (event: PeerEvent) => Object.entries(wanted).every(([name, value]) => event[name] === value);
    const past = this.events.find(matches);
    if (past) return past;
    const waiting: Waiting = { wanted, matches, found: deferred<PeerEvent>() };
    this.#waiting.add(waiting);
    if (this.#hasEnded()) this.#giveUp('the process has ended');
    const timer = setTimeout(() => this.#giveUp(`${LIMIT_MS} ms have passed`, waiting), LIMIT_MS);
    return waiting.found.promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(waiting);
    });
  }

  /** Of a client: sends a request; the number is what its events carry. */
  begin(call: Call): { n: number; answer: Promise<Answer> } {
    const n = this.#command({ op: 'call', ...call });
    return { n, answer: this.event({ event: 'answer', n }) as Promise<PeerEvent & Answer> };
  }

  /** Of a client: sends a request and waits for all of the answer. */
  call(call: Call): Promise<Answer> {
    return this.begin(call).answer;
  }

  /** Of a client: resolves to the ids of the instances when it knows so many. */
  async instances(count: number): Promise<string[]> {
    const { instances } = await this.event({ event: 'answer', n: this.#command({ op: 'wait', count }) });
    return instances as string[];
  }

  /** Lets it end in order. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#exited();
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited();
  }

  #command(command: Command): number {
    const n = ++this.#calls;
    this.#child.stdin.write(`${JSON.stringify({ ...command, n })}\n`);
    return n;
  }

  #hear(line: string): void {
    const event = parse(line);
    // What is no event of ours is the log of a library, or was cut short by a kill.
    if (!event) return void (this.#stderr += `${line}\n`);
    this.events.push(event);
    for (const { matches, found } of this.#waiting) if (matches(event)) found.resolve(event);
  }

  /** Fails one who waits, or all. */
  #giveUp(reason: string, ...some: Waiting[]): void {
    for (const { wanted, found } of some.length > 0 ? some : this.#waiting) {
      found.reject(
        new Error(`no ${JSON.stringify(wanted)}: ${reason}; log: ${this.#stderr.slice(-2_000) || 'nothing'}`),
      );
    }
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #exited(): Promise<void> {
    if (!this.#hasEnded()) await new Promise((resolve) => this.#child.once('exit', resolve));
  }
}

function parse(line: string): PeerEvent | undefined {
  try {
    return JSON.parse(line) as PeerEvent;
  } catch {
    return undefined;
  }
}
