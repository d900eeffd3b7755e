/** A chunk of fewer bytes than this is small: kept alone, it would cost more memory than it holds. */
const SMALL_BYTES = 1024;

/** So many small chunks in a row are joined to one. */
const GATHER = 256;

/**
 * The bytes of a stream that were received and not read yet. Chunks are kept as they came; what is read is a view on its chunk,
 * or one copy where it spans several. A sender that drips single bytes can not make it use much more memory than it has bytes.
 */
export class ByteQueue {
  readonly #chunks: Buffer[] = [];
  /** Where the first chunk begins. */
  #start = 0;
  #length = 0;
  #small = 0;

  /** How many bytes can be read. */
  get length(): number {
    return this.#length;
  }

  /** Adds what arrived. The chunk is kept, not copied: leave it alone from then on. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    this.#small = chunk.length < SMALL_BYTES ? this.#small + 1 : 0;
    if (this.#small === GATHER) this.#gather();
  }

  /** The big-endian u16 at `at`; both bytes must be there. */
  u16(at: number): number {
    const first = this.#chunks[0]!;
    const i = this.#start + at;
    return i + 2 <= first.length ? first.readUInt16BE(i) : this.#head(at + 2).readUInt16BE(this.#start + at);
  }

  /** The big-endian u32 at `at`; all four bytes must be there. */
  u32(at: number): number {
    const first = this.#chunks[0]!;
    const i = this.#start + at;
    return i + 4 <= first.length ? first.readUInt32BE(i) : this.#head(at + 4).readUInt32BE(this.#start + at);
  }

  /** The big-endian u64 at `at`, exact up to 2^53; all eight bytes must be there. */
  u64(at: number): number {
    let first = this.#chunks[0]!;
    if (this.#start + at + 8 > first.length) first = this.#head(at + 8);
    const i = this.#start + at;
    return readU32(first, i) * 2 ** 32 + readU32(first, i + 4);
  }

  /** Removes and returns the first `count` bytes, which must be there. */
  take(count: number): Buffer {
    if (count === 0) return Buffer.alloc(0);
    const head = this.#head(count);
    const bytes = head.subarray(this.#start, this.#start + count);
    this.#start += count;
    this.#length -= count;
    if (this.#start === head.length) {
      this.#chunks.shift();
      this.#start = 0;
      this.#small = Math.min(this.#small, this.#chunks.length);
    }
    return bytes;
  }

  /** The first chunk, made to hold at least `count` bytes from its start on, and nothing else if it had to be made. */
  #head(count: number): Buffer {
    const first = this.#chunks[0]!;
    if (first.length - this.#start >= count) return first;
    const head = Buffer.allocUnsafe(count);
    let chunk = first;
    let copied = first.copy(head, 0, this.#start);
    let filled = copied;
    let used = 1;
    while (filled < count) {
      chunk = this.#chunks[used++]!;
      copied = chunk.copy(head, filled);
      filled += copied;
    }
    if (used > 1 && copied < chunk.length) this.#chunks[--used] = chunk.subarray(copied);
    this.#chunks.splice(0, used, head);
    this.#start = 0;
    this.#small = Math.min(this.#small, this.#chunks.length);
    return head;
  }

  #gather(): void {
    if (this.#chunks.length === GATHER) {
      this.#chunks[0] = this.#chunks[0]!.subarray(this.#start);
      this.#start = 0;
    }
    this.#chunks.push(Buffer.concat(this.#chunks.splice(-GATHER)));
    this.#small = 0;
  }
}

/** As `readUInt32BE`, without its checks. */
function readU32(bytes: Buffer, i: number): number {
  return bytes[i]! * 0x1000000 + ((bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!);
}
