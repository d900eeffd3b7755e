import { watch } from '../leak-guard';
import type { Profile } from '../profile';
import { AsyncGeneratorPrototype } from '../tap-async';
import type { Place } from './place';

type AnyResult = IteratorResult<unknown, unknown>;

/**
 * The stream of a call that has not begun: its first `next()` waits for room, begins the call and goes on with what it answers.
 * `return()` before that gives the place up. A refusal is told once, by the first `next()`.
 */
export class QueuedStream {
  readonly #place: Place;
  readonly #profile: Profile;
  readonly #begin: () => AsyncIterator<unknown>;
  readonly #unwatch: () => void;
  #opening: Promise<AsyncIterator<unknown> | undefined> | undefined;
  #stream: AsyncIterator<unknown> | undefined;
  #isOver = false;

  constructor(place: Place, profile: Profile, begin: () => AsyncIterator<unknown>) {
    this.#place = place;
    this.#profile = profile;
    this.#begin = begin;
    this.#unwatch = profile.isSettled ? () => {} : watch(this, profile);
  }

  next(value?: unknown): Promise<AnyResult> {
    if (this.#stream) return this.#stream.next(value);
    if (this.#isOver) return over();
    return this.#open().then(
      (stream) => stream?.next(value) ?? over(),
      (error: unknown) => {
        if (this.#isOver) return over();
        this.#isOver = true;
        throw error;
      },
    );
  }

  async return(value?: unknown): Promise<AnyResult> {
    if (this.#stream?.return) return this.#stream.return(value);
    this.#leave();
    return { done: true, value: await value };
  }

  async throw(error?: unknown): Promise<AnyResult> {
    if (this.#stream?.throw) return this.#stream.throw(error);
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #open(): Promise<AsyncIterator<unknown> | undefined> {
    return (this.#opening ??= this.#place.entered.then((isInside) => {
      // Who left after the place came free, and before this, has settled the request.
      if (!isInside || this.#isOver) return undefined;
      this.#unwatch();
      return (this.#stream = this.#begin());
    }));
  }

  #leave(): void {
    this.#isOver = true;
    this.#unwatch();
    this.#profile.stop();
  }
}

function over(): Promise<AnyResult> {
  return Promise.resolve({ done: true, value: undefined });
}

Object.setPrototypeOf(QueuedStream.prototype, AsyncGeneratorPrototype);
