import { log } from '../../internal/logger';
import { type Conflict, Merge } from '../../metrics/aggregate/merge';
import { type FamilySnapshot, takeSnapshot, type UnreadFamily } from '../../metrics/aggregate/snapshot';
import { Deadline } from '../../metrics/exposition/deadline';
import { isWanted } from '../../metrics/exposition/name-filter';
import { Slices } from '../../metrics/exposition/slices';
import { getRegistry, storeOf } from '../../metrics/store';
import { Departed } from './departed';
import { type Answerer, Line } from './line';
import type { Ask, Body } from './message';
import { Peer } from './peer';

/** The value of the worker label for the process or thread that asks the others. */
const OWN_NAME = 'main';

/** A worker that was asked, and the names of the metrics that it gave in time, if it did. */
interface Answer {
  readonly peer: Peer;
  readonly fresh: ReadonlySet<string> | undefined;
}

/** Those whom one process asks for their metrics, and what it makes of the answers. */
export class Hub {
  readonly #peers = new Map<string, Peer>();
  readonly #departed = new Departed();
  readonly #rounds = new Map<string, Promise<readonly FamilySnapshot[]>>();

  /** @param answer gives a worker what it asks for */
  constructor(private readonly answer: Answerer) {}

  /** Whether there is and was nobody to ask. */
  get isAlone(): boolean {
    return this.#peers.size === 0 && this.#departed.isEmpty;
  }

  /** A worker has said that it can be asked. */
  joined(id: string, send: (body: Body) => void): void {
    if (!this.#peers.has(id)) this.#peers.set(id, new Peer(id, new Line(send, this.answer)));
    send({ kind: 'welcome' });
  }

  receive(id: string, body: Body): void {
    this.#peers.get(id)?.line.receive(body);
  }

  /** A worker is gone, or can not be reached any more. */
  left(id: string): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#peers.delete(id);
    this.#departed.add(peer.totals());
    peer.line.close();
  }

  /**
   * The metrics of this process and its workers: summed up, or each with a label that says whose it is. What a worker owes is counted in
   * `profiled_scrape_errors_total`. Calls for the same at the same time share one collection.
   */
  collect(ask: Ask, workerLabel?: string): Promise<readonly FamilySnapshot[]> {
    const key = JSON.stringify([ask, workerLabel]);
    let round = this.#rounds.get(key);
    if (!round) {
      this.#rounds.set(key, (round = this.#collect(ask, workerLabel)));
      const forget = () => void this.#rounds.delete(key);
      round.then(forget, forget);
    }
    return round;
  }

  async #collect(ask: Ask, workerLabel: string | undefined): Promise<readonly FamilySnapshot[]> {
    const registry = getRegistry();
    const store = storeOf(registry);
    const conflictCount = store.scrapeErrors('conflict');
    const answers = this.#askAll(ask, store.scrapeErrors('worker'));
    const names = ask.names && new Set(ask.names);
    const own = await takeSnapshot(registry, { names, timeoutMs: ask.timeoutMs }, answers);
    const merge = new Merge(new Slices(), workerLabel);
    const conflicts = await merge.add(OWN_NAME, own);
    const wanted = (families: readonly FamilySnapshot[]) =>
      families.filter(({ name, type }) => isWanted(names, name, type));
    const isSum = workerLabel === undefined;
    // Who leaves from here on is in the sum of the departed only from the next time on.
    const present = (await answers).filter(({ peer }) => this.#peers.get(peer.id) === peer);
    if (!isSum) this.#departed.clear();
    const departed = this.#departed.sum();
    for (const { peer, fresh } of present) {
      if (fresh) conflicts.push(...(await merge.add(peer.id, wanted(peer.last(fresh)))));
      if (isSum) conflicts.push(...(await merge.add(peer.id, wanted(peer.totals(fresh)))));
    }
    conflicts.push(...(await this.#addDeparted(merge, wanted(await departed))));
    conflictCount.value += conflicts.length;
    for (const { metric } of conflicts) log.write('warn', { metric }, `metric ${metric} is not the same everywhere`);
    return merge.families();
  }

  /** Resolves when all have answered or the time is over. */
  async #askAll(ask: Ask, missing: { value: number }): Promise<Answer[]> {
    const deadline = new Deadline(ask.timeoutMs);
    const peers = [...this.#peers.values()].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
    const asked = peers.map(async (peer) => ({ peer, fresh: await peer.fresh(ask, deadline) }));
    const answers = await Promise.all(asked);
    deadline.clear();
    missing.value += answers.filter(({ fresh }) => !fresh).length;
    return answers;
  }

  async #addDeparted(merge: Merge, families: readonly UnreadFamily[]): Promise<Conflict[]> {
    const conflicts = await merge.add('', families);
    const leftOut = conflicts.filter(({ isLeftOut }) => isLeftOut);
    if (leftOut.length > 0) this.#departed.drop(new Set(leftOut.map(({ metric }) => metric)));
    return leftOut;
  }
}
