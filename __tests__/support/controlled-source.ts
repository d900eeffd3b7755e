import { deferred, type Deferred } from '../../lib/internal/deferred';

/** A hand-written async iterator whose every step the test decides, and that notes what is asked of it. */
export class ControlledSource<T> implements AsyncIterable<T>, AsyncIterator<T> {
  readonly log: string[] = [];
  readonly #waiting: Deferred<IteratorResult<T>>[] = [];

  next(): Promise<IteratorResult<T>> {
    this.log.push('next');
    const step = deferred<IteratorResult<T>>();
    this.#waiting.push(step);
    return step.promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.log.push('return');
    return Promise.resolve({ done: true, value: undefined });
  }

  push(value: T): void {
    this.#waiting.shift()!.resolve({ done: false, value });
  }

  finish(): void {
    this.#waiting.shift()!.resolve({ done: true, value: undefined });
  }

  fail(error: unknown): void {
    this.#waiting.shift()!.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
