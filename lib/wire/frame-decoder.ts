import { ByteQueue } from './byte-queue';

/** Cuts a byte stream into frames. Once a call threw, the stream can not be read on. */
export abstract class FrameDecoder<T> {
  protected readonly queue = new ByteQueue();

  /** A frame that announces more than `maxBytes` is refused before anything is allocated for it. */
  constructor(protected readonly maxBytes: number) {}

  /** How many bytes wait for the rest of their frame; not 0 at the end of a stream means that it was cut off. */
  get buffered(): number {
    return this.queue.length;
  }

  /** Adds what arrived. The chunk is kept, not copied: leave it alone from then on. */
  push(chunk: Buffer): void {
    this.queue.push(chunk);
  }

  /** The next whole frame; undefined while some bytes are missing. @throws PROFILED_MESSAGE_INVALID if it is too large */
  abstract next(): T | undefined;
}
