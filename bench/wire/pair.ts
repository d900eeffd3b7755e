import type { Usage } from './answering';
import type { Case } from './cases';
import { Child } from './child';
import { cpuOf, rssOf } from './other-process';
import type { PeerName } from './peer';

interface Begun {
  readonly title: string;
  readonly address: string;
  readonly pids: readonly number[];
  readonly isWorker: boolean;
}

/** What one run of one case gave; only the fields of its kind. CPU is of all processes together. */
export interface Reading {
  readonly perSecond?: number;
  /** CPU microseconds for each item or request, and the parts of worker (broker included) and requester. */
  readonly cpuMicros?: number;
  readonly workerMicros?: number;
  readonly clientMicros?: number;
  /** Milliseconds. */
  readonly p50?: number;
  readonly p99?: number;
  /** Bytes for each open stream: resident memory of all processes, and what the JavaScript of them holds. */
  readonly rss?: number;
  readonly js?: number;
  /** Why there is nothing else. */
  readonly failure?: string;
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A worker and a requester of one peer, each in a process of its own. */
export class Pair {
  private constructor(
    readonly title: string,
    private readonly server: Child,
    private readonly client: Child,
    private readonly begun: Begun,
  ) {}

  static async start(peer: PeerName, nodeArgs: readonly string[] = []): Promise<Pair> {
    const server = new Child('server', [peer], nodeArgs);
    try {
      const begun = await server.ask<Begun>('begin');
      const client = new Child('client', [peer, begun.address], nodeArgs);
      const pair = new Pair(begun.title, server, client, begun);
      await client.ask('begin').catch((error: unknown) => pair.end().then(() => Promise.reject(error)));
      return pair;
    } catch (error) {
      await server.end().catch(() => {});
      throw error;
    }
  }

  /** Runs one case; one of throughput is measured for `windowMs` after `warmMs`. */
  async run(of: Case, windowMs: number, warmMs: number): Promise<Reading> {
    if (of.kind === 'latency') return this.client.ask('latency', windowMs);
    if (of.kind === 'memory') return this.#memory(of);
    await this.#open(of);
    await this.server.ask('gate', 'open');
    await delay(warmMs);
    const before = await this.#usage();
    await delay(windowMs);
    const after = await this.#usage();
    await this.#leave();
    const count = after.client.count - before.client.count;
    const perSecond = (count / (after.client.atMs - before.client.atMs)) * 1_000;
    // Each process says by its own clock when it answered, which a busy one does late.
    const micros = (use: 'client' | 'worker') => (share(before[use], after[use]) / perSecond) * 1e6;
    const [clientMicros, workerMicros] = [micros('client'), micros('worker')];
    return { perSecond, clientMicros, workerMicros, cpuMicros: clientMicros + workerMicros };
  }

  async end(): Promise<void> {
    await this.client.end();
    await this.server.end();
  }

  async #usage(): Promise<{ client: Usage & { count: number }; worker: Usage }> {
    const { pids, isWorker } = this.begun;
    const [client, server] = await Promise.all([
      this.client.ask<Usage & { count: number }>('usage'),
      this.server.ask<Usage>('usage'),
    ]);
    const others = pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
    return { client, worker: { atMs: server.atMs, cpuMs: (isWorker ? server.cpuMs : 0) + others } };
  }

  async #open(of: Case): Promise<void> {
    await this.server.ask('gate', 'closed');
    await this.client.ask('open', of);
  }

  async #leave(): Promise<void> {
    await this.client.ask('leave');
    await this.server.ask('gate', 'open');
    await this.client.ask('left');
  }

  async #memory({ name, streams }: Case & { kind: 'memory' }): Promise<Reading> {
    await this.run({ kind: 'requests', name, streams: 8 }, 100, 0);
    const before = await this.#held();
    await this.#open({ kind: 'memory', name, streams });
    const after = await this.#held();
    await this.#leave();
    return { rss: (after.rss - before.rss) / streams, js: (after.js - before.js) / streams };
  }

  async #held(): Promise<{ rss: number; js: number }> {
    const { pids, isWorker } = this.begun;
    const asked = await Promise.all(
      [this.client, ...(isWorker ? [this.server] : [])].map((child) =>
        child.ask<{ rss: number; js: number }>('memory'),
      ),
    );
    const others = pids.reduce((sum, pid) => sum + rssOf(pid), 0);
    const sum = (of: 'rss' | 'js') => asked.reduce((total, held) => total + held[of], 0);
    return { rss: sum('rss') + others, js: sum('js') };
  }
}

/** The share of one core that was used between two readings. */
function share(before: Usage, after: Usage): number {
  return (after.cpuMs - before.cpuMs) / (after.atMs - before.atMs);
}
