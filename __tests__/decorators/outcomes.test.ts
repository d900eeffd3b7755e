import { Annotated, Context } from '../../lib';
import { deferred } from '../../lib/internal/deferred';
import { ControlledSource } from '../support/controlled-source';
import { collectGarbage, eventually, eventuallyCollected } from '../support/eventually';
import { drain, handlerOf, ONE_ENDED } from './handler';

const boom = new Error('boom');

async function* letters(count = 3, endWith?: unknown): AsyncGenerator<string, string> {
  for (let i = 0; i < count; i++) yield 'abcdefghij'[i]!;
  if (endWith !== undefined) throw endWith;
  return 'the end';
}

describe('a stream', () => {
  test('completes', async () => {
    const { call, read } = handlerOf(() => letters());
    expect(await drain(call('request'))).toEqual(['a', 'b', 'c']);
    expect(await read()).toMatchObject({
      ...ONE_ENDED,
      requestBytes: 7,
      responseBytes: 3,
      cancellations: 0,
      errors: {},
    });
  });

  test('keeps its return value', async () => {
    const { call, read } = handlerOf(() => letters(1));
    const stream = call();
    expect(await stream.next()).toEqual({ done: false, value: 'a' });
    expect(await stream.next()).toEqual({ done: true, value: 'the end' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 1 });
  });

  test('is empty', async () => {
    const { call, read } = handlerOf(() => letters(0));
    expect(await drain(call())).toEqual([]);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 0, errors: {} });
  });

  test('is in flight until it is over, and its duration lasts as long', async () => {
    const source = new ControlledSource<string>();
    const { call, read } = handlerOf(() => source);
    const iterator = call()[Symbol.asyncIterator]();
    expect(await read()).toMatchObject({ requests: 1, inflight: 1, ended: 0 });
    const first = iterator.next();
    source.push('a');
    await first;
    const start = performance.now();
    await eventually('20 ms have passed', () => performance.now() - start > 20);
    expect(await read()).toMatchObject({ inflight: 1, ended: 0, responseBytes: 1 });
    const last = iterator.next();
    source.finish();
    await last;
    const after = await read();
    expect(after).toMatchObject(ONE_ENDED);
    expect(after.durationSum).toBeGreaterThan(0.019);
  });

  test('throws at item n', async () => {
    const { call, read } = handlerOf(() => letters(2, boom));
    await expect(drain(call())).rejects.toBe(boom);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 2, errors: { generate: 1 }, cancellations: 0 });
  });

  test('throws undefined', async () => {
    const { call, read } = handlerOf(async function* () {
      yield 'a';
      throw undefined;
    });
    await expect(drain(call())).rejects.toBeUndefined();
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { generate: 1 } });
  });

  test('its consumer breaks: a cancellation, and the handler cleans up first', async () => {
    const log: string[] = [];
    const { call, read } = handlerOf(async function* () {
      try {
        yield* letters();
      } finally {
        log.push(`cleaning up with ${(await read()).inflight} in flight`);
      }
    });
    for await (const letter of call()) {
      log.push(letter);
      if (letter === 'b') break;
    }
    expect(log).toEqual(['a', 'b', 'cleaning up with 1 in flight']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 2, cancellations: 1, errors: {} });
  });

  test('its consumer throws: a cancellation, not an error', async () => {
    const { call, read } = handlerOf(() => letters());
    const consume = async () => {
      for await (const letter of call()) if (letter === 'b') throw boom;
    };
    await expect(consume()).rejects.toBe(boom);
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, errors: {} });
  });

  test('return() before the first next()', async () => {
    const { call, read } = handlerOf(() => letters());
    expect(await call().return('x')).toEqual({ done: true, value: 'x' });
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, responseBytes: 0 });
  });

  test('return() after the end changes nothing', async () => {
    const { call, read } = handlerOf(() => letters(1));
    const stream = call();
    await drain(stream);
    await stream.return('x');
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 0 });
  });

  test('an iterator without return() does not leak on break', async () => {
    const { call, read } = handlerOf(() => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false, value: 'x' }) }),
    }));
    for await (const item of call()) if (item === 'x') break;
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, responseBytes: 1 });
  });

  test('never iterated and collected: abandoned, neither error nor cancellation', async () => {
    const { call, read } = handlerOf(() => letters());
    call();
    expect(await read()).toMatchObject({ requests: 1, inflight: 1 });
    await eventuallyCollected('the abandoned stream is settled', async () => (await read()).inflight === 0);
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 0, errors: {} });
  });

  test('dropped midway and collected', async () => {
    const { call, read } = handlerOf(() => letters());
    await (() => call().next())();
    await eventuallyCollected('the abandoned stream is settled', async () => (await read()).inflight === 0);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 1, cancellations: 0, errors: {} });
  });

  test('never iterated and held: in flight as long as it is held', async () => {
    const { call, read } = handlerOf(() => letters());
    const held = call();
    const start = performance.now();
    await eventually('the guard had its turn', () => {
      collectGarbage();
      return performance.now() - start > 150;
    });
    expect(await read()).toMatchObject({ requests: 1, inflight: 1, ended: 0 });
    expect(await drain(held)).toHaveLength(3);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('a proxied iterable whose iterator alone is held is not abandoned', async () => {
    const source = new ControlledSource<string>();
    const { call, read } = handlerOf(() => source);
    const iterator = (() => call()[Symbol.asyncIterator]())();
    const start = performance.now();
    await eventually('garbage was collected a few times', () => {
      collectGarbage();
      return performance.now() - start > 150;
    });
    expect(await read()).toMatchObject({ inflight: 1, ended: 0 });
    const end = iterator.next();
    source.finish();
    await end;
    expect(await read()).toMatchObject(ONE_ENDED);
  });

  test('iterated twice: the first iteration is the response', async () => {
    const { call, read } = handlerOf(() => ({ [Symbol.asyncIterator]: () => letters() }));
    const stream = call();
    expect(await drain(stream)).toEqual(['a', 'b', 'c']);
    expect(await drain(stream)).toEqual(['a', 'b', 'c']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('a generator iterated twice is over the second time', async () => {
    const { call, read } = handlerOf(() => letters());
    const stream = call();
    expect(await drain(stream)).toEqual(['a', 'b', 'c']);
    expect(await drain(stream)).toEqual([]);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('parallel next() calls', async () => {
    const { call, read } = handlerOf(() => letters());
    const stream = call();
    const results = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next(), stream.next()]);
    expect(results.map(({ value }) => value)).toEqual(['a', 'b', 'c', 'the end', undefined]);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('throw() is forwarded, and a handler that catches it goes on', async () => {
    const seen: unknown[] = [];
    const { call, read } = handlerOf(async function* () {
      try {
        yield 'a';
      } catch (error) {
        seen.push(error);
      }
      yield 'b';
    });
    const stream = call();
    await stream.next();
    expect(await stream.throw(boom)).toEqual({ done: false, value: 'b' });
    expect(seen).toEqual([boom]);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 2, errors: {}, cancellations: 0 });
  });

  test.each([boom, undefined])('throw(%p) that comes back is the consumer ending the request', async (thrown) => {
    const { call, read } = handlerOf(() => letters());
    const stream = call();
    await stream.next();
    await expect(stream.throw(thrown)).rejects.toBe(thrown);
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, errors: {} });
  });

  test('a slow consumer: the handler is not pulled ahead of it', async () => {
    const log: string[] = [];
    const { call, read } = handlerOf(async function* () {
      for (const letter of ['a', 'b']) {
        log.push(`made ${letter}`);
        yield letter;
      }
    });
    for await (const letter of call()) {
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`took ${letter}`);
    }
    expect(log).toEqual(['made a', 'took a', 'made b', 'took b']);
    expect(await read()).toMatchObject(ONE_ENDED);
  });

  test('inside a promise', async () => {
    const { call, read } = handlerOf(async () => {
      await Promise.resolve();
      return letters();
    });
    const stream = await call();
    expect(await read()).toMatchObject({ inflight: 1, ended: 0 });
    expect(await drain(stream)).toEqual(['a', 'b', 'c']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('whose [Symbol.asyncIterator]() throws: it could not be opened', async () => {
    const { call, read } = handlerOf(() => ({
      [Symbol.asyncIterator]: (): AsyncIterator<string> => {
        throw boom;
      },
    }));
    await expect(drain(call())).rejects.toBe(boom);
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { response_stream: 1 } });
  });

  test('an Annotated error item is an error, and the stream goes on', async () => {
    const { call, read } = handlerOf(async function* () {
      yield Annotated.fromData('a');
      yield Annotated.fromError<string>('it broke');
      yield Annotated.fromError<string>('again');
      yield Annotated.fromData('b');
    });
    const items = await drain(call());
    expect(items.map((item) => item.isError)).toEqual([false, true, true, false]);
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { generate: 1 }, cancellations: 0 });
  });

  test.each([
    ['as an argument', (signal: AbortSignal) => ['request', signal]],
    ['in an option', (signal: AbortSignal) => ['request', { signal }]],
  ])('an AbortSignal %s fires midway: a cancellation', async (_, argsWith) => {
    const { call, read } = handlerOf(async function* (...args: unknown[]) {
      const given = args[1] as AbortSignal | { signal: AbortSignal };
      const signal = given instanceof AbortSignal ? given : given.signal;
      yield 'a';
      signal.throwIfAborted();
      yield 'b';
    });
    const controller = new AbortController();
    const consume = async () => {
      for await (const item of call(...argsWith(controller.signal))) if (item === 'a') controller.abort();
    };
    await expect(consume()).rejects.toMatchObject({ name: 'AbortError' });
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, errors: {}, responseBytes: 1 });
  });

  test('a stopped Context is a cancellation, however the handler ends', async () => {
    const { call, read } = handlerOf(async function* (request: unknown) {
      const context = request as Context<string>;
      while (!context.isStopped) yield context.data;
    });
    const context = new Context('x');
    const items = [];
    for await (const item of call(context)) {
      items.push(item);
      if (items.length === 2) context.stopGenerating();
    }
    expect(items).toEqual(['x', 'x']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, requestBytes: 1, responseBytes: 2 });
  });

  test('an AbortError that the consumer did not ask for is an error', async () => {
    const { call, read } = handlerOf(() => letters(1, new DOMException('inside', 'AbortError')));
    await expect(drain(call(new Context('x')))).rejects.toMatchObject({ name: 'AbortError' });
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { generate: 1 }, cancellations: 0 });
  });

  test('await using ends it', async () => {
    const { call, read } = handlerOf(() => letters());
    const stream = call();
    await stream.next();
    await stream[Symbol.asyncDispose]();
    expect(await read()).toMatchObject({ ...ONE_ENDED, cancellations: 1, responseBytes: 1 });
  });
});

describe('a sync stream', () => {
  function* numbers(): Generator<string, string> {
    yield 'a';
    yield 'bc';
    return 'end';
  }

  test('completes', async () => {
    const { call, read } = handlerOf(numbers);
    expect([...call()]).toEqual(['a', 'bc']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });

  test('keeps its return value, throws, and is cancelled by break', async () => {
    const { call, read } = handlerOf(numbers);
    const stream = call();
    stream.next();
    stream.next();
    expect(stream.next()).toEqual({ done: true, value: 'end' });
    for (const item of call()) if (item === 'a') break;
    expect(() => call().throw(boom)).toThrow(boom);
    expect(call().return('early')).toEqual({ done: true, value: 'early' });
    expect(await read()).toMatchObject({ requests: 4, inflight: 0, ended: 4, cancellations: 3, errors: {} });
  });

  test('throws at item n', async () => {
    const { call, read } = handlerOf(function* () {
      yield 'a';
      throw boom;
    });
    expect(() => [...call()]).toThrow(boom);
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { generate: 1 } });
  });

  test('an iterable object and never-iterated one', async () => {
    const { call, read } = handlerOf(() => ({ [Symbol.iterator]: numbers }));
    expect([...call()]).toEqual(['a', 'bc']);
    call();
    await eventuallyCollected('the abandoned stream is settled', async () => (await read()).inflight === 0);
    expect(await read()).toMatchObject({ requests: 2, ended: 2, responseBytes: 3 });
  });
});

describe('a call', () => {
  test('returns a value', async () => {
    const { call, read } = handlerOf(() => 'value');
    expect(call('in')).toBe('value');
    expect(await read()).toMatchObject({ ...ONE_ENDED, requestBytes: 2, responseBytes: 5 });
  });

  test('returns a collection: a value, the very same', async () => {
    const array = ['a', 'b'];
    const { call, read } = handlerOf(() => array);
    expect(call()).toBe(array);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 9 });
  });

  test('returns nothing', async () => {
    const { call, read } = handlerOf(() => undefined);
    expect(call()).toBeUndefined();
    expect(await read()).toMatchObject({ ...ONE_ENDED, requestBytes: 0, responseBytes: 0 });
  });

  test('throws synchronously', async () => {
    const { call, read } = handlerOf(() => {
      throw boom;
    });
    expect(call).toThrow(boom);
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { generate: 1 } });
  });

  test('resolves', async () => {
    const answer = deferred<{ answer: number }>();
    const { call, read } = handlerOf(() => answer.promise);
    const promise = call();
    expect(promise).toBeInstanceOf(Promise);
    expect(await read()).toMatchObject({ inflight: 1, ended: 0 });
    answer.resolve({ answer: 42 });
    expect(await promise).toEqual({ answer: 42 });
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 13 });
  });

  test.each([boom, undefined])('rejects with %p', async (reason) => {
    const { call, read } = handlerOf(() => Promise.reject(reason as Error));
    await expect(call()).rejects.toBe(reason);
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: { generate: 1 } });
  });

  test('a foreign thenable is awaited', async () => {
    const { call, read } = handlerOf(() => ({ then: (resolve: (value: string) => void) => resolve('late') }));
    expect(await call()).toBe('late');
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 4 });
  });
});

describe('sizes', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  test.each<[string, unknown, number]>([
    ['an empty string', '', 0],
    ['text beyond ASCII', 'é€😀', 9],
    ['an empty buffer', Buffer.alloc(0), 0],
    ['a view by its own length, not its buffer', Buffer.from('hello world').subarray(2, 5), 3],
    ['elements wider than a byte', new Uint16Array(4), 8],
    ['an ArrayBuffer', new ArrayBuffer(10), 10],
    ['a shared one', new SharedArrayBuffer(6), 6],
    ['an object by its JSON', { a: [1, null, 'x'] }, 18],
    ['a number', 12.5, 4],
    ['null', null, 4],
    ['a cycle: not measurable', cycle, 0],
    ['a BigInt: not measurable', { id: 10n }, 0],
  ])('%s', async (_, value, bytes) => {
    const { call, read, registry } = handlerOf(async function* () {
      yield value;
    });
    expect(await drain(call(value))).toEqual([value]);
    expect(await read()).toMatchObject({ ...ONE_ENDED, requestBytes: bytes, responseBytes: bytes, errors: {} });
    const dropped = /profiled_dropped_samples_total\{.*unmeasurable.*\} 2/;
    if (_.includes('not measurable')) expect(await registry.metrics()).toMatch(dropped);
    else expect(await registry.metrics()).not.toMatch(dropped);
  });

  test('a size function of the user', async () => {
    const { call, read } = handlerOf(() => letters(), { sizeOf: () => 10 });
    await drain(call('x'));
    expect(await read()).toMatchObject({ ...ONE_ENDED, requestBytes: 10, responseBytes: 30 });
  });

  test('one that throws never reaches the handler', async () => {
    const { call, read } = handlerOf(() => letters(), {
      sizeOf: () => {
        throw boom;
      },
    });
    expect(await drain(call('x'))).toHaveLength(3);
    expect(await read()).toMatchObject({ ...ONE_ENDED, requestBytes: 0, responseBytes: 0, errors: {} });
  });

  test("'off' measures nothing", async () => {
    const { call, read } = handlerOf(() => letters(), { sizeOf: 'off' });
    await drain(call('x'));
    expect(await read()).toMatchObject({ ...ONE_ENDED, requestBytes: 0, responseBytes: 0 });
  });
});
