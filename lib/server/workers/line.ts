import { messageOf } from '../../errors';
import { deferred, type Deferred } from '../../internal/deferred';
import { log } from '../../internal/logger';
import { type FamilySnapshot, joinPieces } from '../../metrics/aggregate/snapshot';
import { type Ask, type Body, fromWire, toWire } from './message';

/** Families by their names. */
export type Families = ReadonlyMap<string, FamilySnapshot>;

/** Gives what is asked for, in pieces. */
export type Answerer = (ask: Ask) => AsyncIterable<readonly FamilySnapshot[]>;

interface Asked extends Deferred<Families> {
  readonly pieces: (readonly FamilySnapshot[])[];
}

/** One end of the way between a worker and the process or thread that started it: it asks, and answers what the other end asks. */
export class Line {
  readonly #asked = new Map<number, Asked>();
  /** The piece of each answer that has been sent and not been read yet. */
  readonly #sent = new Map<number, Deferred<void>>();
  #lastId = 0;
  #isHeard = false;

  constructor(
    private readonly send: (body: Body) => void,
    private readonly answer: Answerer,
  ) {}

  /** Whether there is someone at the other end. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** Resolves with the whole answer, however long it takes. Rejects when the other end fails, or is gone. */
  ask(ask: Ask): Promise<Families> {
    const asked: Asked = { ...deferred<Families>(), pieces: [] };
    const id = ++this.#lastId;
    this.#asked.set(id, asked);
    this.send({ kind: 'ask', id, ...ask });
    return asked.promise;
  }

  receive(body: Body): void {
    this.#isHeard = true;
    if (body.kind === 'ask') void this.#reply(body);
    else if (body.kind === 'more') this.#sent.get(body.id)?.resolve();
    else if (body.kind === 'answer') this.#read(body);
    else if (body.kind === 'failed') this.#taken(body.id)?.reject(new Error(`it failed: ${body.reason}`));
  }

  /** To be called when the other end is gone. */
  close(): void {
    for (const { reject } of this.#asked.values()) reject(new Error('it is gone'));
    for (const { reject } of this.#sent.values()) reject(new Error('nobody reads it'));
    this.#asked.clear();
  }

  #read({ id, families, isLast }: Body & { readonly kind: 'answer' }): void {
    this.#asked.get(id)?.pieces.push(fromWire(families));
    if (!isLast) return this.send({ kind: 'more', id });
    const asked = this.#taken(id);
    asked?.resolve(joinPieces(asked.pieces));
  }

  /** What is over now. */
  #taken(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  async #reply({ id, timeoutMs, names, processMetrics }: Ask & { readonly id: number }): Promise<void> {
    try {
      for await (const piece of this.answer({ timeoutMs, names, processMetrics })) {
        const sent = deferred();
        this.#sent.set(id, sent);
        this.send({ kind: 'answer', id, families: toWire(piece), isLast: false });
        // If all were sent at once, the other end would have to read them all in one turn of its event loop.
        await sent.promise;
      }
      this.send({ kind: 'answer', id, families: [], isLast: true });
    } catch (error) {
      log.write('error', { err: error }, 'the metrics that another process or thread asked for could not be given');
      this.send({ kind: 'failed', id, reason: messageOf(error) });
    } finally {
      this.#sent.delete(id);
    }
  }
}
