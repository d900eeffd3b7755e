import type { Readable } from 'node:stream';
import { type Shape, shapeOf } from '../engine/shape';
import { log } from '../internal/logger';
import type { Profile } from './profile';
import { tapAsyncIterable, tapSyncIterable } from './tap-iterable';
import { tapReadable } from './tap-readable';
import { tapWebStream } from './tap-web-stream';

/**
 * Follows what a handler returned to the end of its request, and gives back the same kind of thing: a value is a value (one item
 * unless undefined), a promise a promise, a stream a stream of the same protocol.
 */
export function follow(profile: Profile, result: unknown): unknown {
  try {
    return followShape(profile, result);
  } catch (error) {
    // A result that can not even be looked at, such as a revoked proxy or a frozen stream: it is the caller's as it is.
    log.write('error', { err: error }, 'a result could not be followed; its request ends here');
    profile.complete();
    return result;
  }
}

function followShape(profile: Profile, result: unknown): unknown {
  const shape = shapeOf(result);
  if (shape === 'promise') return followPromise(profile, result as PromiseLike<unknown>);
  if (shape !== 'value') return followStream(profile, result, shape);
  if (result !== undefined) profile.observe(result);
  profile.complete();
  return result;
}

function followStream(profile: Profile, result: unknown, shape: Exclude<Shape, 'value' | 'promise'>): unknown {
  profile.beginStream();
  switch (shape) {
    case 'async-iterable':
      return tapAsyncIterable(profile, result as object);
    case 'iterable':
      return tapSyncIterable(profile, result as object);
    case 'readable':
      return tapReadable(profile, result as Readable);
    case 'web-stream':
      return tapWebStream(profile, result as ReadableStream<unknown>);
  }
}

/** A derived promise, so that a rejection that nobody handles is still reported as one. */
function followPromise(profile: Profile, result: PromiseLike<unknown>): Promise<unknown> {
  const native = result instanceof Promise ? (result as Promise<unknown>) : Promise.resolve(result);
  return native.then(
    (value) => follow(profile, value),
    (error: unknown) => {
      profile.crash(error);
      throw error;
    },
  );
}
