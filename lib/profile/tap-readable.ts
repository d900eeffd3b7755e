import type { Readable } from 'node:stream';
import { watch } from './leak-guard';
import type { Profile } from './profile';

/** What Node puts into a stream that its consumer tore down. */
const CONSUMER_GONE = new Set(['ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']);

/** The requests that wait for a stream; one stream may be the answer to several. */
const waiting = new WeakMap<Readable, Map<Profile, () => void>>();

/**
 * Follows a Node `Readable` in place: the same object comes back. Every way of reading it (`data`, `read`, `pipe`, `for await`)
 * emits `data` for a chunk that leaves it, so watching what it emits neither starts the flow nor takes a chunk away.
 */
export function tapReadable(profile: Profile, stream: Readable): Readable {
  if (stream.readableEnded || stream.destroyed) {
    end(profile, stream.errored);
    return stream;
  }
  let profiles = waiting.get(stream);
  if (!profiles) {
    profiles = new Map<Profile, () => void>();
    shadow(stream, profiles);
    waiting.set(stream, profiles);
  }
  profiles.set(profile, watch(stream, profile));
  return stream;
}

function shadow(stream: Readable, profiles: Map<Profile, () => void>): void {
  const { emit, read } = stream;
  const ask = (): void => {
    for (const profile of profiles.keys()) profile.stream?.askMore();
  };
  let hasItem = false;
  const tappedEmit = function (this: Readable, event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'data') for (const profile of profiles.keys()) profile.observe(args[0]);
    else if (event === 'end' || event === 'error' || event === 'close') settle(profiles, event, args[0]);
    const isHeard = Reflect.apply<Readable, [string | symbol, ...unknown[]], boolean>(emit, this, [event, ...args]);
    if (event === 'data') {
      hasItem = true;
      // Who lets it flow asks for the next one without calling `read`.
      if (this.readableFlowing) ask();
    }
    return isHeard;
  };
  /** `read(0)` is how a `readable` listener begins, and later how the stream itself fills its buffer, asked or not. */
  const tappedRead = function (this: Readable, size?: number): unknown {
    if (size !== 0 || (!hasItem && this.readableLength === 0)) ask();
    return Reflect.apply(read, this, [size]);
  };
  for (const [name, value] of Object.entries({ emit: tappedEmit, read: tappedRead })) {
    Object.defineProperty(stream, name, { value, configurable: true, writable: true, enumerable: false });
  }
}

function settle(profiles: Map<Profile, () => void>, event: 'end' | 'error' | 'close', error: unknown): void {
  for (const [profile, unwatch] of profiles) {
    if (event === 'close') profile.stop();
    else end(profile, event === 'error' ? error : null);
    unwatch();
  }
  profiles.clear();
}

function end(profile: Profile, error: unknown): void {
  if (error === null || error === undefined) profile.complete();
  else if (CONSUMER_GONE.has((error as NodeJS.ErrnoException).code ?? '')) profile.stop();
  else profile.crash(error);
}
