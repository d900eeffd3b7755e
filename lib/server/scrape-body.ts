import type { Rendered } from '../metrics/exposition/output';
import { type Coding, compress } from './content-coding';

/** What goes over the wire. */
export type Payload = Pick<Rendered, 'chunks' | 'byteLength'>;

/** One scrape that several requests may be answered with, in several codings. */
export class ScrapeBody {
  readonly #compressed = new Map<Coding, Promise<Payload>>();
  #readers = 0;
  /** Whether someone may still read the chunks although he is gone. */
  #isLost = false;

  constructor(readonly rendered: Promise<Rendered>) {}

  /** To be called by each reader as long as {@link rendered} is not settled. */
  hold(): this {
    this.#readers += 1;
    return this;
  }

  /**
   * Hands the bytes in that coding to `take`, for who has called {@link hold}; once all have taken them the memory is used again.
   * Rejects if the scrape failed or `take` does, which may mean that something still reads them.
   */
  async read(coding: Coding | 'identity', take: (payload: Payload) => Promise<void>): Promise<void> {
    let isTaken = false;
    try {
      await take(await this.#payload(coding));
      isTaken = true;
    } finally {
      this.#readers -= 1;
      this.#isLost ||= !isTaken;
    }
    if (this.#readers === 0 && !this.#isLost) (await this.rendered).release();
  }

  /** Compressed once, however many ask. */
  #payload(coding: Coding | 'identity'): Promise<Payload> {
    if (coding === 'identity') return this.rendered;
    let payload = this.#compressed.get(coding);
    if (!payload) this.#compressed.set(coding, (payload = this.#compress(coding)));
    return payload;
  }

  async #compress(coding: Coding): Promise<Payload> {
    const chunks = await compress((await this.rendered).chunks, coding);
    return { chunks, byteLength: chunks.reduce((sum, { length }) => sum + length, 0) };
  }
}
