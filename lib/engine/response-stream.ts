import type { Context } from './context';

/** A stream of items that belongs to a request: iterate it, or end the request through `context`. */
export class ResponseStream<U> implements AsyncIterable<U> {
  /** The request that this stream answers. */
  readonly context: Context<unknown>;
  readonly #source: AsyncIterable<U> | Iterable<U>;

  private constructor(source: AsyncIterable<U> | Iterable<U>, context: Context<unknown>) {
    this.#source = source;
    this.context = context;
  }

  /** Binds `iterable` to the request that it answers. Nothing is read before the stream is iterated. */
  static from<U>(iterable: AsyncIterable<U> | Iterable<U>, context: Context<unknown>): ResponseStream<U> {
    return new ResponseStream(iterable, context);
  }

  [Symbol.asyncIterator](): AsyncIterator<U> {
    const source = this.#source;
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    return iterateAsync(source);
  }
}

async function* iterateAsync<U>(source: Iterable<U>): AsyncGenerator<Awaited<U>> {
  for (const item of source) yield await item;
}
