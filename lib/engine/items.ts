import type { Readable } from 'node:stream';
import { shapeOf } from './shape';

type Step = IteratorResult<unknown, undefined>;
const DONE: Step = { done: true, value: undefined };

/**
 * Whatever a handler may return, as a stream of items: a sync or async iterable, a Node `Readable` and a Web `ReadableStream`
 * give their items, a promise those of what it resolves to, any other value is one item, and undefined is none.
 *
 * Nothing is read before the first `next`. `return` closes the source also when nothing was read, and when a promise is still
 * pending, as soon as it resolves. Iterate the result once, one `next` at a time.
 */
export function itemsOf(result: unknown): AsyncIterable<unknown> {
  return shapeOf(result) === 'async-iterable' ? (result as AsyncIterable<unknown>) : new Items(result);
}

/** How to read a source that was begun, and how to close it whether or not it was. */
interface Source {
  next(): Promise<Step>;
  close(): unknown;
}

class Items implements AsyncIterable<unknown>, AsyncIterator<unknown> {
  readonly #result: unknown;
  #source: Source | undefined;
  #over = false;

  constructor(result: unknown) {
    this.#result = result;
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this;
  }

  async next(): Promise<Step> {
    if (this.#over) return DONE;
    try {
      this.#source ??= sourceOf(this.#result);
      const step = await this.#source.next();
      if (step.done) this.#over = true;
      return step.done ? DONE : step;
    } catch (error) {
      this.#over = true;
      throw error;
    }
  }

  async return(): Promise<Step> {
    if (!this.#over) {
      this.#over = true;
      await (this.#source ??= sourceOf(this.#result)).close();
    }
    return DONE;
  }
}

function sourceOf(result: unknown): Source {
  switch (shapeOf(result)) {
    case 'value':
      return new ValueSource(result);
    case 'promise':
      return new PromiseSource(result as PromiseLike<unknown>);
    case 'iterable':
      return new SyncSource((result as Iterable<unknown>)[Symbol.iterator]());
    case 'readable':
      return new StreamSource(result as Readable, () => (result as Readable).destroy());
    case 'web-stream':
      return new StreamSource(result as AsyncIterable<unknown>, () => (result as ReadableStream<unknown>).cancel());
    case 'async-iterable':
      return new StreamSource(result as AsyncIterable<unknown>, undefined);
  }
}

class ValueSource implements Source {
  #left: boolean;

  constructor(private readonly value: unknown) {
    this.#left = value !== undefined;
  }

  async next(): Promise<Step> {
    if (!this.#left) return DONE;
    this.#left = false;
    return { done: false, value: this.value };
  }

  close(): void {}
}

class SyncSource implements Source {
  constructor(private readonly iterator: Iterator<unknown>) {}

  /** Items that are promises are awaited; one that rejects closes the iterator, which would not know otherwise. */
  async next(): Promise<Step> {
    const step = this.iterator.next();
    if (step.done) return DONE;
    try {
      return { done: false, value: await step.value };
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.iterator.return?.();
  }
}

class StreamSource implements Source {
  #iterator: AsyncIterator<unknown> | undefined;

  /** `discard` closes a stream that was not begun: its iterator would not, or there would be none to ask. */
  constructor(
    private readonly stream: AsyncIterable<unknown>,
    private readonly discard: (() => unknown) | undefined,
  ) {}

  async next(): Promise<Step> {
    this.#iterator ??= this.stream[Symbol.asyncIterator]();
    return (await this.#iterator.next()) as Step;
  }

  close(): unknown {
    if (!this.#iterator && this.discard) return this.discard();
    return (this.#iterator ?? this.stream[Symbol.asyncIterator]()).return?.();
  }
}

class PromiseSource implements Source {
  #inner: Promise<Source> | undefined;

  constructor(private readonly promise: PromiseLike<unknown>) {}

  async next(): Promise<Step> {
    return (await this.#resolve()).next();
  }

  /** Not waited for: a promise that never resolves may not hold up whoever leaves. */
  close(): void {
    this.#resolve()
      .then(
        (source) => source.close(),
        () => {},
      )
      .then(undefined, () => {});
  }

  #resolve(): Promise<Source> {
    return (this.#inner ??= Promise.resolve(this.promise).then(sourceOf));
  }
}
