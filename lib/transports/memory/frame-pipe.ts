import { ProfiledError } from '../../errors';
import { type Deferred, deferred } from '../../internal/deferred';
import { FRAME_BUFFER } from '../../wire/limits';

/**
 * One direction of a connection in memory: a bounded queue of frames with one writer and one reader, and what a socket has
 * besides: an end that comes after the frames, and a break that drops them.
 */
export class FramePipe {
  readonly #frames: Uint8Array[] = [];
  readonly #ended = deferred();
  #isEnded = false;
  #isBroken = false;
  #hasDropped = false;
  #reader: Deferred<Uint8Array | undefined> | undefined;
  #writer: Deferred<void> | undefined;

  /** Resolves when the writer ended it or either side broke it. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Undefined when there was room; otherwise a promise of the time when there is. It rejects if the frame can not arrive. */
  write(frame: Uint8Array): Promise<void> | undefined {
    if (this.#isEnded || this.#isBroken) return Promise.reject(gone());
    // A copy, as a socket makes one: what the writer does to its buffer later is not seen here.
    const bytes = Uint8Array.from(frame);
    if (this.#reader) {
      this.#reader.resolve(bytes);
      this.#reader = undefined;
      return undefined;
    }
    this.#frames.push(bytes);
    if (this.#frames.length <= FRAME_BUFFER) return undefined;
    return (this.#writer ??= deferred()).promise;
  }

  /**
   * Undefined when everything has its place in the pipe, which is to its ends what the kernel is to those of a socket; otherwise the promise
   * of the last {@link write}.
   */
  flush(): Promise<void> | undefined {
    return this.#hasDropped ? Promise.reject(gone()) : this.#writer?.promise;
  }

  /** The next frame in order, undefined at the end. */
  read(): Promise<Uint8Array | undefined> {
    const frame = this.readNow();
    if (frame) return Promise.resolve(frame);
    if (this.#isEnded || this.#isBroken) return Promise.resolve(undefined);
    return (this.#reader ??= deferred()).promise;
  }

  /** The next frame if it is here already. */
  readNow(): Uint8Array | undefined {
    const frame = this.#frames.shift();
    if (!frame) return undefined;
    this.#writer?.resolve();
    this.#writer = undefined;
    return frame;
  }

  /** The writer has nothing more; frames that wait are still read. */
  end(): void {
    this.#isEnded = true;
    this.#finish();
  }

  /** Either side gives up; frames that wait are dropped. */
  break(): void {
    this.#isBroken = true;
    this.#hasDropped ||= this.#writer !== undefined;
    this.#frames.length = 0;
    this.#writer?.reject(gone());
    this.#writer = undefined;
    this.#finish();
  }

  #finish(): void {
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
    this.#ended.resolve();
  }
}

function gone(): ProfiledError {
  return new ProfiledError('PROFILED_DISCONNECTED', 'the response connection is closed; the frame can not arrive');
}
