import type { Profile } from './profile';
import type { Remains } from './remains';

/** How long a stream is held by the list before a `FinalizationRegistry` watches it instead, in milliseconds. */
const YOUNG_MS = 100;

/** A stream that was handed out and may be dropped without being ended. Its links belong to the guard. */
export interface Guarded {
  readonly profile: Profile;
  guardNext: Guarded | undefined;
  guardPrevious: Guarded | undefined;
  isWatched: boolean;
}

const collected = new FinalizationRegistry<Remains>((remains) => remains.settle());

/**
 * Registering with a `FinalizationRegistry` costs half a microsecond, and most streams end at once. So a new stream is only
 * linked into this list, a few field writes; those still open when the timer fires are registered and dropped from the list.
 */
let head: Guarded | undefined;
let timer: NodeJS.Timeout | undefined;

/** Settles the stream's request as abandoned if the stream is collected before {@link unguard}. */
export function guard(stream: Guarded): void {
  stream.guardNext = head;
  if (head) head.guardPrevious = stream;
  head = stream;
  timer ??= startTimer();
}

/** The stream has ended. */
export function unguard(stream: Guarded): void {
  if (stream.isWatched) {
    collected.unregister(stream);
    stream.isWatched = false;
    return;
  }
  const { guardNext: next, guardPrevious: previous } = stream;
  if (previous) previous.guardNext = next;
  else if (head === stream) head = next;
  if (next) next.guardPrevious = previous;
  stream.guardNext = stream.guardPrevious = undefined;
}

/** Watches an object that is not ours to link: a `Readable`, a proxied iterable. Returns what ends the watch. */
export function watch(target: object, profile: Profile): () => void {
  const token = {};
  collected.register(target, profile.remains, token);
  return () => void collected.unregister(token);
}

function startTimer(): NodeJS.Timeout {
  const started = setTimeout(watchTheRest, YOUNG_MS);
  started.unref();
  return started;
}

function watchTheRest(): void {
  let stream = head;
  head = undefined;
  timer = undefined;
  while (stream) {
    const next: Guarded | undefined = stream.guardNext;
    stream.guardNext = stream.guardPrevious = undefined;
    stream.isWatched = true;
    collected.register(stream, stream.profile.remains, stream);
    stream = next;
  }
}
