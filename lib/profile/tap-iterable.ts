import { watch } from './leak-guard';
import type { Profile } from './profile';
import { AsyncTap } from './tap-async';
import { isFree, withMembers } from './tap-members';
import { SyncTap } from './tap-sync';

type AnyIterator = AsyncIterator<unknown, unknown> & Iterator<unknown, unknown>;
type Tap = AsyncTap | SyncTap;
interface TapClass {
  new (source: AnyIterator, profile: Profile, unwatch?: () => void, owner?: object): Tap;
  readonly prototype: Tap;
}
type IteratorKey = typeof Symbol.asyncIterator | typeof Symbol.iterator;

/** Iterators of the language itself; they have no members but those of the protocol. */
const NATIVE = /^\[object (AsyncGenerator|Generator|Iterator Helper|(Array|Map|Set|String|RegExp String) Iterator)\]$/;

/** Whether a tap can stand for `source` as it is: an iterator of the language with nothing attached, or a tap of ours. */
function isPlain(source: object, Tap: TapClass): boolean {
  const prototype = Object.getPrototypeOf(source) as object | null;
  if (prototype === Tap.prototype) return true;
  // Most are generators: each inherits, by way of its function's own prototype, from what taps inherit from.
  const isGenerator = prototype && Object.getPrototypeOf(prototype) === Object.getPrototypeOf(Tap.prototype);
  const isNative = isGenerator || NATIVE.test(Object.prototype.toString.call(source));
  return isNative && Reflect.ownKeys(source).length === 0;
}

/** Follows an async iterable. A generator comes back as one, anything else as itself with its iterator followed. */
export function tapAsyncIterable(profile: Profile, source: object): object {
  return tap(profile, source, Symbol.asyncIterator, AsyncTap);
}

/** The same for a sync iterable. */
export function tapSyncIterable(profile: Profile, source: object): object {
  return tap(profile, source, Symbol.iterator, SyncTap);
}

function tap(profile: Profile, source: object, key: IteratorKey, Tap: TapClass): object {
  if (isPlain(source, Tap)) return new Tap(source as AnyIterator, profile);

  const members = source as Record<PropertyKey, unknown>;
  let first: Tap | undefined;
  const follow = (iterator: AnyIterator): Tap => (first = new Tap(iterator, profile, unwatch, handedOut));
  /** The first iteration is the response; those after it are the source's own affair. */
  const iterate = (): unknown => {
    let iterator: AnyIterator;
    try {
      iterator = (members[key] as () => AnyIterator).call(source);
    } catch (error) {
      profile.fail('response_stream', error);
      profile.settle();
      throw error;
    }
    if (first) return first.source === iterator ? first : iterator;
    return follow(iterator);
  };
  const viaSource =
    (method: 'next' | 'return' | 'throw') =>
    (...args: unknown[]): unknown =>
      Reflect.apply((first ?? follow(source as AnyIterator))[method], first, args);

  const overrides = new Map<PropertyKey, unknown>([[key, iterate]]);
  for (const method of ['next', 'return', 'throw'] as const) {
    if (typeof members[method] === 'function') overrides.set(method, viaSource(method));
  }
  const dispose = key === Symbol.asyncIterator ? Symbol.asyncDispose : Symbol.dispose;
  if (typeof members[dispose] === 'function') overrides.set(dispose, disposeVia(profile, source, dispose));

  const replaceable = isFree(source, key) && typeof members[key] === 'function';
  const handedOut: object = replaceable ? withMembers(source, overrides) : Object.fromEntries(overrides);
  const unwatch = watch(handedOut, profile);
  return handedOut;
}

function disposeVia(profile: Profile, source: object, key: symbol): () => unknown {
  return () => {
    profile.cancel();
    const done: unknown = ((source as Record<symbol, unknown>)[key] as () => unknown).call(source);
    if (!(done instanceof Promise)) {
      profile.settle();
      return done;
    }
    return done.finally(() => profile.settle());
  };
}
