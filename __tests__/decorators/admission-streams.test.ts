import { Registry } from 'prom-client';
import { Profiled, useRegistry } from '../../lib';
import { sample } from '../../lib/testing';
import { eventuallyCollected } from '../support/eventually';
import { readings } from '../support/readings';
import { streamReadings } from '../support/stream-readings';
import { drain, handlerOf } from './handler';
import { door, failure } from './limited';

const ADDRESS = { namespace: 'ns', component: 'comp', endpoint: 'ep' };
const boom = new Error('boom');

/** A handler of letters, and what its calls have begun. */
function letters(options: object) {
  const log: unknown[] = [];
  const made = handlerOf(async function* (name: unknown) {
    log.push(name);
    if (name === 'fail') throw boom;
    yield* 'ab';
  }, options);
  return { ...made, call: (...args: unknown[]) => made.call(...args) as AsyncGenerator<string>, log };
}

test('a stream holds its room until it is over, whichever way', async () => {
  const ends: [string, (stream: AsyncGenerator<string>) => Promise<unknown>][] = [
    ['x', drain],
    ['fail', (stream) => drain(stream).catch(() => {})],
    ['x', (stream) => stream.return(undefined)],
    ['x', async (stream) => void (await stream.next(), await stream.return(undefined))],
    ['x', (stream) => stream.throw(boom).catch(() => {})],
  ];
  const { call, read, registry } = letters({ maxConcurrent: 1, maxQueued: 1 });
  for (const [name, end] of ends) {
    const first = call(name);
    const second = call('second');
    const item = second.next();
    expect(await door(registry)).toMatchObject({ queued: 1 });
    await end(first);
    expect(await item).toEqual({ done: false, value: 'a' });
    expect(await drain(second)).toEqual(['b']);
    expect(await door(registry)).toMatchObject({ queued: 0 });
    expect(await read()).toMatchObject({ inflight: 0 });
  }
  expect(await door(registry)).toEqual({ queued: 0, letIn: 10, full: 0, timeout: 0 });
  expect(await read()).toMatchObject({ requests: 10, ended: 10, errors: { generate: 1 }, cancellations: 3 });
});

test('a waiting stream is one of the language, and its metrics begin with the arrival', async () => {
  const { call, registry, log } = letters({ maxConcurrent: 1, maxQueued: 1 });
  const first = call('a');
  const second = call('b');
  expect(Object.getPrototypeOf(Object.getPrototypeOf(second))).toBe(
    Object.getPrototypeOf(async function* () {}.prototype),
  );
  expect(second[Symbol.asyncIterator]()).toBe(second);
  const items = drain(second);
  await drain(first);
  expect(await items).toEqual(['a', 'b']);
  expect(log).toEqual(['a', 'b']);
  expect(await streamReadings(registry, ADDRESS)).toMatchObject({ items: 4, outcomes: { success: 2 } });
});

test('several pulls at once wait together and keep their order', async () => {
  const { call } = letters({ maxConcurrent: 1, maxQueued: 1 });
  const first = call('a');
  const second = call('b');
  const pulls = Promise.all([second.next(), second.next(), second.next()]);
  await drain(first);
  expect(await pulls).toEqual([
    { done: false, value: 'a' },
    { done: false, value: 'b' },
    { done: true, value: undefined },
  ]);
});

test('a refused stream fails at its first next(), once', async () => {
  const { call, read, registry, log } = letters({ maxConcurrent: 1 });
  const first = call('a');
  const second = call('b');
  const [error, ...others] = await Promise.allSettled([second.next(), second.next()]);
  expect(error).toMatchObject({ status: 'rejected', reason: { code: 'PROFILED_OVERLOADED' } });
  expect(others).toEqual([{ status: 'fulfilled', value: { done: true, value: undefined } }]);
  expect(await second.next()).toEqual({ done: true, value: undefined });
  expect(await failure(drain(call('c')))).toMatchObject({ code: 'PROFILED_OVERLOADED' });
  // One that nobody reads is no unhandled rejection.
  call('d');
  await new Promise(setImmediate);
  await drain(first);
  expect(log).toEqual(['a']);
  expect(await door(registry)).toEqual({ queued: 0, letIn: 1, full: 3, timeout: 0 });
  expect(await read()).toMatchObject({ requests: 4, inflight: 0, ended: 1, errors: {}, cancellations: 0 });
});

test.each<[string, (stream: AsyncGenerator<string>) => Promise<unknown>]>([
  ['return()', (stream) => stream.return('r')],
  ['throw()', (stream) => stream.throw(boom).catch((error: unknown) => expect(error).toBe(boom))],
  ['a dispose', (stream) => (stream as unknown as AsyncDisposable)[Symbol.asyncDispose]() as Promise<void>],
])('%s before it has begun leaves the queue: a cancellation', async (_, leave) => {
  const { call, read, registry, log } = letters({ maxConcurrent: 1, maxQueued: 1 });
  const first = call('a');
  const second = call('b');
  const pending = second.next();
  await leave(second);
  expect(await pending).toEqual({ done: true, value: undefined });
  expect(await door(registry)).toMatchObject({ queued: 0, letIn: 1 });
  expect(await read()).toMatchObject({ requests: 2, inflight: 1, ended: 1, cancellations: 1, errors: {} });
  expect(await drain(second)).toEqual([]);
  const third = call('c');
  await drain(first);
  expect(await drain(third)).toEqual(['a', 'b']);
  expect(log).toEqual(['a', 'c']);
});

test('one that has room but was never read gives it up by return()', async () => {
  const { call, read } = letters({ maxConcurrent: 1, maxQueued: 1 });
  const first = call('a');
  const second = call('b');
  await drain(first);
  expect(await read()).toMatchObject({ inflight: 1 });
  await second.return(undefined);
  expect(await read()).toMatchObject({ inflight: 0, cancellations: 1 });
  expect(await drain(call('c'))).toEqual(['a', 'b']);
});

test('dropped streams, inside or in the queue, give their room back when they are collected', async () => {
  const { call, read, registry } = letters({ maxConcurrent: 1, maxQueued: 2 });
  for (const name of 'abc') call(name);
  expect(await door(registry)).toMatchObject({ queued: 2 });
  await eventuallyCollected('the dropped streams are settled', async () => (await read()).ended === 3);
  expect(await door(registry)).toMatchObject({ queued: 0 });
  expect(await read()).toMatchObject({ requests: 3, inflight: 0, cancellations: 0, errors: {} });
  expect(await drain(call('d'))).toEqual(['a', 'b']);
});

describe('a call within a call', () => {
  const recursive = [
    [
      'async generators',
      async function* (this: { generate(n: unknown): AsyncIterable<number> }, n: unknown) {
        yield n as number;
        if ((n as number) > 0) yield* this.generate((n as number) - 1);
      },
    ],
    [
      'a function that returns a generator',
      function (this: { generate(n: unknown): AsyncIterable<number> }, n: unknown) {
        const own = this.generate.bind(this);
        return (async function* () {
          yield n as number;
          if ((n as number) > 0) yield* own((n as number) - 1);
        })();
      },
    ],
    [
      'a promise of a generator',
      async function (this: { generate(n: unknown): Promise<AsyncIterable<number>> }, n: unknown) {
        const own = this.generate.bind(this);
        return (async function* () {
          yield n as number;
          if ((n as number) > 0) yield* await own((n as number) - 1);
        })();
      },
    ],
  ] as const;

  test.each(recursive)('uses the room of the outer one: %s', async (_, generate) => {
    const { call, read, registry } = handlerOf(generate as (...args: unknown[]) => unknown, {
      maxConcurrent: 1,
      maxQueued: 9,
    });
    expect(await drain((await call(2)) as AsyncIterable<number>)).toEqual([2, 1, 0]);
    expect(await read()).toMatchObject({ requests: 3, inflight: 0, ended: 3 });
    expect(await door(registry)).toEqual({ queued: 0, letIn: 1, full: 0, timeout: 0 });
  });

  test('by super counts and waits once', async () => {
    const registry = new Registry();
    useRegistry(registry);
    @Profiled('ns', 'comp', 'base', { maxConcurrent: 1 })
    class Base {
      async *generate(name: string) {
        yield name;
      }
    }
    @Profiled('ns', 'comp', 'ep', { maxConcurrent: 1 })
    class Derived extends Base {
      override async *generate(name: string) {
        yield* super.generate(name);
        yield '!';
      }
    }
    expect(await drain(new Derived().generate('a'))).toEqual(['a', '!']);
    expect(await readings(registry, ADDRESS)).toMatchObject({ requests: 1, inflight: 0, ended: 1 });
    expect(await sample(registry, 'requests_total', { ...ADDRESS, endpoint: 'base' })).toBe(0);
  });

  test('of a class that inherits generate', async () => {
    useRegistry(new Registry());
    class Base {
      async *generate(n: number): AsyncGenerator<number> {
        yield n;
        if (n > 0) yield* this.generate(n - 1);
      }
    }
    @Profiled('ns', 'comp', 'ep', { maxConcurrent: 1, maxQueued: 1 })
    class Derived extends Base {}
    expect(await drain(new Derived().generate(2))).toEqual([2, 1, 0]);
  });

  test('that outlives it waits as any other', async () => {
    const kept: Promise<unknown>[] = [];
    const { call, registry } = handlerOf(
      async function (this: { generate(n: unknown): Promise<unknown> }, n: unknown) {
        if (n === 1) kept.push(new Promise(setImmediate).then(() => this.generate(0)));
        if (n === 2) await kept[0];
        return n;
      },
      { maxConcurrent: 1 },
    );
    await call(1);
    const blocking = call(2);
    expect(await failure(kept[0]!)).toMatchObject({ code: 'PROFILED_OVERLOADED' });
    await blocking.catch(() => {});
    expect(await door(registry)).toMatchObject({ letIn: 2, full: 1 });
  });
});
