import { guard, type Guarded, unguard } from './leak-guard';
import type { Profile } from './profile';
import type { StreamProfile } from './stream-profile';

type AnyResult = IteratorResult<unknown, unknown>;

/** What every async generator inherits from. */
export const AsyncGeneratorPrototype = Object.getPrototypeOf(async function* () {}.prototype) as object;

/**
 * Follows an async iterator for the consumer that pulls it: every method goes to the source, every answer comes from it.
 * Written by hand and not as an `async function*`, which would miss a `return()` before the first `next()`.
 * One `then` an item is its whole cost.
 */
export class AsyncTap implements Guarded {
  guardNext: Guarded | undefined = undefined;
  guardPrevious: Guarded | undefined = undefined;
  isWatched = false;
  /** Keeps the object that was handed out alive as long as its iterator is, since the guard watches that one. */
  readonly owner: object | undefined;

  readonly #unwatch: (() => void) | undefined;
  readonly #stream: StreamProfile | undefined;
  readonly #onResult = (result: AnyResult): AnyResult => this.#take(result);
  readonly #onError = (error: unknown): never => this.#end(error);

  constructor(
    readonly source: AsyncIterator<unknown, unknown>,
    readonly profile: Profile,
    /** Ends the watch on `owner`; without an owner the tap itself is guarded. */
    unwatch?: () => void,
    owner?: object,
  ) {
    this.owner = owner;
    this.#stream = profile.stream;
    this.#unwatch = unwatch;
    if (!unwatch) guard(this);
  }

  next(value?: unknown): Promise<AnyResult> {
    this.#stream?.ask();
    let result: Promise<AnyResult>;
    try {
      result = this.source.next(value);
    } catch (error) {
      result = Promise.reject(error);
    }
    return native(result).then(this.#onResult, this.#onError);
  }

  /** The consumer wants no more. The request lasts until the source has cleaned up. */
  async return(value?: unknown): Promise<AnyResult> {
    this.profile.cancel();
    this.#stream?.ask();
    const { source } = this;
    if (typeof source.return !== 'function') return this.#take({ done: true, value: await value });
    return this.#follow(() => source.return!(value), this.#onError);
  }

  /** The consumer throws into the source, which may go on. If the very error comes back, the consumer ended the request. */
  async throw(error?: unknown): Promise<AnyResult> {
    const { source } = this;
    if (typeof source.throw !== 'function') {
      await this.return();
      throw error;
    }
    this.#stream?.ask();
    return this.#follow(
      () => source.throw!(error),
      (thrown) => {
        if (thrown === error) this.profile.cancel();
        return this.#end(thrown);
      },
    );
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #follow(pull: () => Promise<AnyResult>, onError: (error: unknown) => never): Promise<AnyResult> {
    try {
      return this.#take(await pull());
    } catch (error) {
      return onError(error);
    }
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

function native(result: Promise<AnyResult>): Promise<AnyResult> {
  return result instanceof Promise ? result : Promise.resolve(result);
}

Object.setPrototypeOf(AsyncTap.prototype, AsyncGeneratorPrototype);
