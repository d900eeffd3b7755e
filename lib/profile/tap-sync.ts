import { guard, type Guarded, unguard } from './leak-guard';
import type { Profile } from './profile';
import type { StreamProfile } from './stream-profile';

type AnyResult = IteratorResult<unknown, unknown>;

const GeneratorPrototype = Object.getPrototypeOf(function* () {}.prototype) as object;

/** Follows a sync iterator for the consumer that pulls it; the counterpart of `AsyncTap`. */
export class SyncTap implements Guarded {
  guardNext: Guarded | undefined = undefined;
  guardPrevious: Guarded | undefined = undefined;
  isWatched = false;
  /** Keeps the object that was handed out alive as long as its iterator is, since the guard watches that one. */
  readonly owner: object | undefined;
  readonly #unwatch: (() => void) | undefined;
  readonly #stream: StreamProfile | undefined;

  constructor(
    readonly source: Iterator<unknown, unknown>,
    readonly profile: Profile,
    unwatch?: () => void,
    owner?: object,
  ) {
    this.owner = owner;
    this.#stream = profile.stream;
    this.#unwatch = unwatch;
    if (!unwatch) guard(this);
  }

  next(value?: unknown): AnyResult {
    this.#stream?.ask();
    try {
      return this.#take(this.source.next(value));
    } catch (error) {
      return this.#end(error);
    }
  }

  return(value?: unknown): AnyResult {
    this.profile.cancel();
    this.#stream?.ask();
    const { source } = this;
    try {
      return this.#take(typeof source.return === 'function' ? source.return(value) : { done: true, value });
    } catch (error) {
      return this.#end(error);
    }
  }

  throw(error?: unknown): AnyResult {
    const { source } = this;
    if (typeof source.throw !== 'function') {
      this.return();
      throw error;
    }
    this.#stream?.ask();
    try {
      return this.#take(source.throw(error));
    } catch (thrown) {
      if (thrown === error) this.profile.cancel();
      return this.#end(thrown);
    }
  }

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.return();
  }

  #take(result: AnyResult): AnyResult {
    const { profile } = this;
    if (typeof result === 'object' && result !== null && !result.done) profile.observe(result.value);
    else if (!profile.isSettled) {
      profile.complete();
      this.#settled();
    }
    return result;
  }

  #end(error: unknown): never {
    if (!this.profile.isSettled) {
      this.profile.crash(error);
      this.#settled();
    }
    throw error;
  }

  #settled(): void {
    if (this.#unwatch) this.#unwatch();
    else unguard(this);
  }
}

Object.setPrototypeOf(SyncTap.prototype, GeneratorPrototype);
