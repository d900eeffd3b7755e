import { once } from 'node:events';
import { Duplex, PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Context } from '../../lib';
import { eventually, eventuallyCollected } from '../support/eventually';
import { drain, handlerOf, ONE_ENDED } from './handler';

const boom = new Error('boom');

describe('a Node Readable', () => {
  const source = () => Readable.from(['ab', 'c'], { objectMode: false });

  test.each<[string, (stream: Readable) => Promise<unknown>]>([
    ['for await', (stream) => drain(stream as AsyncIterable<unknown>)],
    [
      'data events',
      (stream) =>
        once(
          stream.on('data', () => {}),
          'end',
        ),
    ],
    ['pipe', (stream) => once(stream.pipe(new Writable({ write: (_, __, done) => done() })), 'finish')],
    ['pipeline', (stream) => pipeline(stream, new Writable({ write: (_, __, done) => done() }))],
    [
      'read()',
      (stream) =>
        once(
          stream.on('readable', () => void stream.read()),
          'end',
        ),
    ],
    ['toArray', (stream) => stream.toArray()],
    ['as a Web stream', (stream) => drain(Readable.toWeb(stream))],
  ])('read by %s stays the same object and is measured', async (_, consume) => {
    const stream = source();
    const { call, read } = handlerOf(() => stream);
    expect(call()).toBe(stream);
    expect(stream.readableFlowing).toBeNull();
    expect(await read()).toMatchObject({ inflight: 1, ended: 0 });
    await consume(stream);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3, errors: {}, cancellations: 0 });
  });

  test('keeps its class', async () => {
    class Special extends PassThrough {
      #secret = 'kept';
      reveal() {
        return this.#secret;
      }
    }
    const { call, read } = handlerOf(() => new Special());
    const stream = call();
    expect(stream).toBeInstanceOf(Special);
    expect(stream).toBeInstanceOf(Duplex);
    expect(stream.reveal()).toBe('kept');
    stream.end('x');
    await drain(stream as AsyncIterable<unknown>);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 1 });
  });

  test('fails midway: an error', async () => {
    const { call, read } = handlerOf(() =>
      Readable.from(
        (async function* () {
          yield 'a';
          throw boom;
        })(),
      ),
    );
    await expect(drain(call() as AsyncIterable<unknown>)).rejects.toBe(boom);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 1, errors: { generate: 1 } });
  });

  test.each<[string, (stream: Readable) => unknown]>([
    ['destroy()', (stream) => stream.destroy()],
    [
      'break',
      async (stream) => {
        for await (const _ of stream) break;
      },
    ],
    [
      'a pipeline that ends early',
      (stream) => {
        const target = new PassThrough();
        const piped = pipeline(stream, target).catch(() => {});
        target.destroy();
        return piped;
      },
    ],
  ])('%s is a cancellation', async (_, stop) => {
    const { call, read } = handlerOf(() => Readable.from(['a', 'b', 'c']));
    await stop(call());
    await eventually('the stream is closed', async () => (await read()).inflight === 0);
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, errors: {} });
  });

  test('is empty, or over before it is returned', async () => {
    const over = Readable.from([]);
    await drain(over as AsyncIterable<unknown>);
    const { call, read } = handlerOf(() => over);
    expect(call()).toBe(over);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 0, errors: {} });
  });

  test('never read and collected: abandoned', async () => {
    const { call, read } = handlerOf(() => Readable.from(['a']));
    call();
    await eventuallyCollected('the abandoned stream is settled', async () => (await read()).inflight === 0);
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 0, errors: {} });
  });

  test('inside a promise', async () => {
    const { call, read } = handlerOf(() => Promise.resolve(source()));
    await drain((await call()) as AsyncIterable<unknown>);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });
});

describe('a Web ReadableStream', () => {
  const source = () =>
    new ReadableStream<string>({
      start(controller) {
        controller.enqueue('ab');
        controller.enqueue('c');
        controller.close();
      },
    });

  test('stays one and is measured', async () => {
    const { call, read } = handlerOf(source);
    const stream = call();
    expect(stream).toBeInstanceOf(ReadableStream);
    expect(await read()).toMatchObject({ inflight: 1, ended: 0 });
    expect(await drain(stream)).toEqual(['ab', 'c']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('is pulled no faster than it is read', async () => {
    let pulls = 0;
    const { call } = handlerOf(
      () => new ReadableStream({ pull: (controller) => controller.enqueue(`item ${++pulls}`) }, { highWaterMark: 0 }),
    );
    const reader = call().getReader();
    expect(await reader.read()).toEqual({ done: false, value: 'item 1' });
    expect(pulls).toBe(1);
    await reader.cancel();
  });

  test('a byte stream stays a byte stream', async () => {
    const { call, read } = handlerOf(
      () =>
        new ReadableStream({
          type: 'bytes',
          start(controller) {
            controller.enqueue(new Uint8Array([1, 2, 3]));
            controller.close();
          },
        }),
    );
    const reader = call().getReader({ mode: 'byob' });
    const { value } = await reader.read(new Uint8Array(8));
    expect(value).toEqual(new Uint8Array([1, 2, 3]));
    expect(await reader.read(new Uint8Array(8))).toMatchObject({ done: true });
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('fails midway: an error', async () => {
    const { call, read } = handlerOf(
      () =>
        new ReadableStream<string>({
          pull(controller) {
            controller.error(boom);
          },
        }),
    );
    await expect(drain(call())).rejects.toBe(boom);
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { generate: 1 } });
  });

  test('cancel() reaches the source and is a cancellation', async () => {
    const reasons: unknown[] = [];
    const { call, read } = handlerOf(
      () => new ReadableStream({ pull: (c) => c.enqueue('x'), cancel: (reason) => void reasons.push(reason) }),
    );
    const reader = call().getReader();
    await reader.read();
    await reader.cancel('enough');
    expect(reasons).toEqual(['enough']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, responseBytes: 1, errors: {} });
  });

  test('cancelled before it is read', async () => {
    const { call, read } = handlerOf(source);
    await call().cancel();
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, responseBytes: 0 });
  });

  test('a locked one can not be opened', async () => {
    const { call, read } = handlerOf(() => {
      const stream = source();
      stream.getReader();
      return stream;
    });
    await expect(call().getReader().read()).rejects.toThrow();
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { response_stream: 1 } });
  });

  test('never read and collected: abandoned', async () => {
    const { call, read } = handlerOf(source);
    call();
    await eventuallyCollected('the abandoned stream is settled', async () => (await read()).inflight === 0);
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 0, errors: {} });
  });
});

describe('an iterable that is more than its iterator', () => {
  class Feed {
    readonly controller = new AbortController();
    #items = ['a', 'bc'];
    get count() {
      return this.#items.length;
    }
    add(item: string): this {
      this.#items.push(item);
      return this;
    }
    async *[Symbol.asyncIterator]() {
      yield* this.#items;
    }
  }

  test('keeps class, members and private fields', async () => {
    const { call, read } = handlerOf(() => new Feed());
    const feed = call();
    expect(feed).toBeInstanceOf(Feed);
    expect(feed.count).toBe(2);
    expect(feed.add('def')).toBe(feed);
    expect(feed.controller).toBeInstanceOf(AbortController);
    expect(await drain(feed)).toEqual(['a', 'bc', 'def']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 6 });
  });

  test('a frozen one is measured too', async () => {
    const { call, read } = handlerOf(() =>
      Object.freeze({
        async *[Symbol.asyncIterator]() {
          yield 'abc';
        },
      }),
    );
    expect(await drain(call())).toEqual(['abc']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('a generator with something attached to it', async () => {
    const { call, read } = handlerOf(() =>
      Object.assign(
        (async function* () {
          yield 'abc';
        })(),
        { note: 'mine' },
      ),
    );
    const stream = call();
    expect(stream.note).toBe('mine');
    expect(await drain(stream)).toEqual(['abc']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('one that is pulled by hand', async () => {
    const { call, read } = handlerOf(() => {
      let left = 2;
      return {
        note: 'mine',
        next: () => Promise.resolve(left-- > 0 ? { done: false, value: 'x' } : { done: true, value: undefined }),
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    });
    const iterator = call();
    expect(iterator.note).toBe('mine');
    await iterator.next();
    expect(await drain(iterator)).toEqual(['x']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 2 });
  });

  test('a kill while the source is stuck is settled once it lets go', async () => {
    const { call, read } = handlerOf(async function* (request: unknown) {
      const context = request as Context<string>;
      await once(context.signal, 'abort');
      yield 'late';
    });
    const context = new Context('x');
    const first = call(context).next();
    context.kill();
    expect(await first).toEqual({ done: false, value: 'late' });
    await eventuallyCollected('the request is settled', async () => (await read()).inflight === 0);
  });
});
