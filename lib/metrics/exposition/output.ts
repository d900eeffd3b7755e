const FIRST_CHUNK_BYTES = 16_384;
const LARGEST_CHUNK_BYTES = 1_048_576;

/** The bytes of a scrape. Chunks double in size, so that a small scrape takes little and a large one few. */
export class Output {
  readonly #full: Buffer[] = [];
  #chunk = Buffer.allocUnsafeSlow(FIRST_CHUNK_BYTES);
  #at = 0;

  /** Takes a copy of the first `length` bytes. */
  append(bytes: Buffer, length = bytes.length): void {
    for (let from = 0; from < length;) {
      if (this.#at === this.#chunk.length) this.#turnOver();
      const size = Math.min(length - from, this.#chunk.length - this.#at);
      bytes.copy(this.#chunk, this.#at, from, from + size);
      this.#at += size;
      from += size;
    }
  }

  /** All bytes so far. Nothing may be appended after it. */
  finish(): Buffer[] {
    return [...this.#full, this.#chunk.subarray(0, this.#at)];
  }

  #turnOver(): void {
    this.#full.push(this.#chunk);
    this.#chunk = Buffer.allocUnsafeSlow(Math.min(this.#chunk.length * 2, LARGEST_CHUNK_BYTES));
    this.#at = 0;
  }
}
