const CHUNK_BYTES = 262_144;
/** How many chunks wait for the next scrape, at most: 64 MiB. */
const POOL_CHUNKS = 256;

/**
 * Chunks that are not in use. A large scrape would otherwise leave so much memory behind each time that V8 collects the whole heap
 * for it.
 */
const pool: Buffer[] = [];

/** The bytes of a scrape, in chunks. */
export interface Rendered {
  readonly chunks: readonly Buffer[];
  readonly byteLength: number;
  /** Lets the next scrape have the memory: for who is sure that nobody reads the chunks any more. Need not be called. */
  release(): void;
}

/** Gathers the bytes of a scrape. */
export class Output {
  readonly #chunks: Buffer[] = [];
  /** How much of the last chunk is taken. */
  #at = CHUNK_BYTES;

  /** Takes a copy of the first `length` bytes. */
  append(bytes: Buffer, length = bytes.length): void {
    for (let from = 0; from < length;) {
      if (this.#at === CHUNK_BYTES) this.#turnOver();
      const size = Math.min(length - from, CHUNK_BYTES - this.#at);
      bytes.copy(this.#chunks[this.#chunks.length - 1]!, this.#at, from, from + size);
      this.#at += size;
      from += size;
    }
  }

  /** All bytes so far. To be called once, after the last {@link append}. */
  finish(): Rendered {
    const whole = this.#chunks;
    const last = whole.length - 1;
    return {
      chunks: whole.map((chunk, i) => (i === last ? chunk.subarray(0, this.#at) : chunk)),
      byteLength: Math.max(last, 0) * CHUNK_BYTES + (last < 0 ? 0 : this.#at),
      release: () => void pool.push(...whole.splice(0, POOL_CHUNKS - pool.length)),
    };
  }

  #turnOver(): void {
    this.#chunks.push(pool.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES));
    this.#at = 0;
  }
}
