import { type Case, ENDLESS, SMALL, type Task } from './cases';
import type { Caller, Peer } from './peer';
import { percentile } from './statistics';

/** Streams that are read over and over, and how much has come. */
export class Load {
  readonly #caller: Caller;
  readonly #task: Task;
  readonly #reads: Promise<void>[] = [];
  #isOver = false;
  /** Items that have arrived. */
  count = 0;

  constructor(caller: Caller, task: Task) {
    this.#caller = caller;
    this.#task = task;
  }

  /** What a case asks for, within what the peer can bear. */
  static taskOf(peer: Peer, of: Case): Task {
    if (of.kind === 'requests') return { items: 1, size: SMALL };
    if (of.kind !== 'items') return { items: 2, size: SMALL, gated: true };
    return { items: peer.itemsPerStream?.(of.streams, of.size) ?? ENDLESS, size: of.size, gated: true };
  }

  /** Begins; resolves when every stream has given its first item. */
  async open(streams: number): Promise<void> {
    await Promise.all(
      Array.from({ length: streams }, () => new Promise<void>((resolve, reject) => this.#start(resolve, reject))),
    );
  }

  /** Leaves each stream with its next item. */
  leave(): void {
    this.#isOver = true;
  }

  /** Resolves when all streams were left. What leaving makes of a stream is of no interest. */
  async left(): Promise<void> {
    await Promise.allSettled(this.#reads);
  }

  #start(begun: () => void, failed: (error: unknown) => void): void {
    const { size } = this.#task;
    const onItem = (text: string): boolean => {
      if (text.length !== size) throw new Error(`an item of ${size} characters had ${text.length}`);
      if (++this.count) begun();
      return !this.#isOver;
    };
    const read = async () => {
      do await this.#caller.read(this.#task, onItem);
      while (!this.#isOver);
    };
    const reading = read();
    reading.catch(failed);
    this.#reads.push(reading);
  }
}

/** Milliseconds until the first item, asked for one after the other. */
export async function latency(caller: Caller, durationMs: number): Promise<{ p50: number; p99: number; n: number }> {
  const task = { items: 1, size: SMALL };
  const samples: number[] = [];
  const end = performance.now() + durationMs;
  for (let begun = performance.now(); begun < end; begun = performance.now()) {
    let first = 0;
    await caller.read(task, () => {
      first ||= performance.now();
      return true;
    });
    samples.push(first - begun);
  }
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), n: samples.length };
}

/** Reads so many streams at once, each to its end. */
export async function finish(caller: Caller, task: Task, streams: number): Promise<void> {
  const read = async (): Promise<void> => {
    let count = 0;
    await caller.read(task, () => ++count > 0);
    if (count !== task.items) throw new Error(`a stream of ${task.items} items had ${count}`);
  };
  await Promise.all(Array.from({ length: streams }, read));
}
