import { Readable } from 'node:stream';
import { itemsOf } from '../../lib/engine/items';
import { deferred } from '../../lib/internal/deferred';
import { ControlledSource } from '../support/controlled-source';

const collect = async (items: AsyncIterable<unknown>) => {
  const all: unknown[] = [];
  for await (const item of items) all.push(item);
  return all;
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A sync iterator and an async one that note how they are used. */
const noting = (log: string[], steps: IteratorResult<unknown>[]) => ({
  next: () => {
    log.push('next');
    return steps.shift() ?? { done: true, value: undefined };
  },
  return: () => {
    log.push('return');
    return { done: true, value: undefined };
  },
  [Symbol.iterator]() {
    return this;
  },
});

describe('itemsOf', () => {
  it.each<[string, () => unknown, unknown[]]>([
    ['a value', () => 7, [7]],
    ['null', () => null, [null]],
    ['undefined', () => undefined, []],
    ['text', () => 'text', ['text']],
    ['a list, which is one value', () => [1, 2], [[1, 2]]],
    ['a buffer', () => Buffer.from('ab'), [Buffer.from('ab')]],
    ['a promise of a value', () => Promise.resolve(7), [7]],
    ['a promise of nothing', () => Promise.resolve(), []],
    [
      'a generator',
      () =>
        (function* () {
          yield 1;
          yield Promise.resolve(2);
        })(),
      [1, 2],
    ],
    [
      'an async generator',
      () =>
        (async function* () {
          yield 1;
          yield 2;
        })(),
      [1, 2],
    ],
    [
      'a promise of an async generator',
      async () =>
        (async function* () {
          yield 1;
        })(),
      [1],
    ],
    [
      'a promise of a generator',
      async () =>
        (function* () {
          yield 1;
        })(),
      [1],
    ],
    ['a Readable', () => Readable.from(['a', 'b']), ['a', 'b']],
    ['a promise of a Readable', async () => Readable.from(['a']), ['a']],
    ['a ReadableStream', () => new Blob(['ab']).stream().pipeThrough(new TextDecoderStream()), ['ab']],
  ])('gives the items of %s', async (_, make, expected) => {
    expect(await collect(itemsOf(make()))).toEqual(expected);
  });

  it('reads nothing before it is asked', async () => {
    const log: string[] = [];
    const iterator = itemsOf(noting(log, [{ done: false, value: 1 }]))[Symbol.asyncIterator]();
    expect(log).toEqual([]);
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    expect(log).toEqual(['next']);
  });

  it('is done once and for all', async () => {
    const iterator = itemsOf(7)[Symbol.asyncIterator]();
    await iterator.next();
    for (let i = 0; i < 2; i++) expect(await iterator.next()).toEqual({ done: true, value: undefined });
    const failing = itemsOf(Promise.reject(new Error('no')))[Symbol.asyncIterator]();
    await expect(failing.next()).rejects.toThrow('no');
    expect(await failing.next()).toEqual({ done: true, value: undefined });
  });

  describe('closes its source', () => {
    it.each([0, 1])('a sync iterator after %d items', async (n) => {
      const log: string[] = [];
      const iterator = itemsOf(noting(log, [{ done: false, value: 1 }]))[Symbol.asyncIterator]();
      for (let i = 0; i < n; i++) await iterator.next();
      await iterator.return!();
      await iterator.return!();
      expect(log).toEqual([...Array<string>(n).fill('next'), 'return']);
      expect(await iterator.next()).toMatchObject({ done: true });
    });

    it('a sync iterator one of whose items rejects', async () => {
      const log: string[] = [];
      const iterator = itemsOf(noting(log, [{ done: false, value: Promise.reject(new Error('no')) }]))[
        Symbol.asyncIterator
      ]();
      await expect(iterator.next()).rejects.toThrow('no');
      expect(log).toEqual(['next', 'return']);
    });

    it.each([0, 1])('a Readable after %d items', async (n) => {
      const readable = Readable.from(['a', 'b', 'c']);
      const iterator = itemsOf(Promise.resolve(readable))[Symbol.asyncIterator]();
      for (let i = 0; i < n; i++) await iterator.next();
      await iterator.return!();
      await turn();
      expect(readable.destroyed).toBe(true);
    });

    it.each([0, 1])('a ReadableStream after %d items', async (n) => {
      const cancelled = jest.fn();
      const stream = new ReadableStream({ pull: (controller) => controller.enqueue('a'), cancel: cancelled });
      const iterator = itemsOf((async () => stream)())[Symbol.asyncIterator]();
      for (let i = 0; i < n; i++) await iterator.next();
      await iterator.return!();
      await turn();
      expect(cancelled).toHaveBeenCalledTimes(1);
    });

    it('what a promise resolves to later, without waiting for it', async () => {
      const source = new ControlledSource<number>();
      const promise = deferred<unknown>();
      const iterator = itemsOf(promise.promise)[Symbol.asyncIterator]();
      expect(await iterator.return!()).toEqual({ done: true, value: undefined });
      promise.resolve(source);
      await turn();
      expect(source.log).toEqual(['return']);
    });

    it('and does not mind a promise that rejects later', async () => {
      const promise = deferred<unknown>();
      const iterator = itemsOf(promise.promise)[Symbol.asyncIterator]();
      await iterator.return!();
      promise.reject(new Error('nobody listens'));
      await turn();
    });
  });

  it('passes on why a stream can not be opened', async () => {
    const stream = new ReadableStream();
    stream.getReader();
    await expect(collect(itemsOf(stream))).rejects.toThrow(/locked/i);
  });
});
