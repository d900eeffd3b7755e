import { watch } from './leak-guard';
import type { Profile } from './profile';

/**
 * Follows a Web `ReadableStream` through a new one, since its consumers read it by internal slots. Nothing is read ahead: a chunk
 * is pulled from the source when the consumer asks for one. A byte stream comes back as a byte stream.
 */
export function tapWebStream(profile: Profile, source: ReadableStream<unknown>): ReadableStream<unknown> {
  const tap = new WebStreamTap(profile, source);
  const stream = isByteStream(source)
    ? new ReadableStream({ type: 'bytes', pull: tap.pull, cancel: tap.cancel })
    : new ReadableStream<unknown>({ pull: tap.pull, cancel: tap.cancel }, { highWaterMark: 0 });
  tap.unwatch = watch(stream, profile);
  return stream;
}

class WebStreamTap {
  unwatch: () => void = () => {};
  #reader: ReadableStreamDefaultReader<unknown> | undefined;

  constructor(
    private readonly profile: Profile,
    private readonly source: ReadableStream<unknown>,
  ) {}

  readonly pull = async (controller: ReadableStreamController<unknown>): Promise<void> => {
    const { profile } = this;
    profile.stream?.askMore();
    try {
      this.#reader ??= this.source.getReader();
    } catch (error) {
      profile.fail('response_stream', error);
      this.#end(() => profile.settle());
      throw error;
    }
    try {
      const { done, value } = await this.#reader.read();
      if (!done) {
        profile.observe(value);
        controller.enqueue(value as never);
        return;
      }
      this.#end(() => profile.complete());
      controller.close();
      (controller as { byobRequest?: ReadableStreamBYOBRequest | null }).byobRequest?.respond(0);
    } catch (error) {
      this.#end(() => profile.crash(error));
      throw error;
    }
  };

  readonly cancel = async (reason: unknown): Promise<void> => {
    this.profile.cancel();
    this.profile.stream?.askMore();
    try {
      await (this.#reader ?? this.source).cancel(reason);
    } finally {
      this.#end(() => this.profile.settle());
    }
  };

  #end(settle: () => void): void {
    settle();
    this.unwatch();
  }
}

/** Only a byte stream gives a BYOB reader; the reader is handed back at once. */
function isByteStream(source: ReadableStream<unknown>): boolean {
  if (source.locked) return false;
  try {
    source.getReader({ mode: 'byob' }).releaseLock();
    return true;
  } catch {
    return false;
  }
}
