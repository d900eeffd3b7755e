import { once } from 'node:events';
import { Readable } from 'node:stream';
import { Registry } from 'prom-client';
import { Annotated, Context, getRegistry, Profiled, ResponseStream, useRegistry } from '../../lib';
import { now } from '../../lib/internal/clock';
import { ControlledSource } from '../support/controlled-source';
import { eventuallyCollected } from '../support/eventually';
import { readings } from '../support/readings';
import { streamReadings } from '../support/stream-readings';
import { drain, handlerOf } from './handler';

jest.mock('../../lib/internal/clock', () => ({
  ...jest.requireActual<object>('../../lib/internal/clock'),
  now: jest.fn(),
}));

/** The clock, which only the tests move; all steps are such that their sums are exact. */
let seconds = 1024;
const pass = (duration: number): void => void (seconds += duration);
beforeAll(() => void jest.mocked(now).mockImplementation(() => seconds));

const ADDRESS = { namespace: 'ns', component: 'comp', endpoint: 'ep' };
const read = () => streamReadings(getRegistry(), ADDRESS);
const boom = new Error('boom');

/** `a` after a second, `b` after two more, and four until the end. */
function* steps(): Generator<string> {
  pass(1);
  yield 'a';
  pass(2);
  yield 'b';
  pass(4);
}

async function* asyncSteps(): AsyncGenerator<string> {
  yield* steps();
}

/** Takes half a second before each item that it asks for. */
async function consume(stream: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  pass(0.5);
  for await (const _ of stream) pass(0.5);
}

describe.each<[string, () => unknown]>([
  ['an async generator', asyncSteps],
  ['a sync generator', steps],
  ['a promise of a stream', async () => asyncSteps()],
  ['an async iterable', () => ({ [Symbol.asyncIterator]: asyncSteps })],
  ['an iterable', () => ({ [Symbol.iterator]: steps })],
  [
    'a hand-written iterator',
    () => {
      const source = steps();
      return {
        next: async () => source.next(),
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
  ],
  ['a ResponseStream', () => ResponseStream.from(asyncSteps(), new Context('x'))],
  [
    'a Web stream',
    () => {
      const source = steps();
      const pull = (controller: ReadableStreamDefaultController) => {
        const { done, value } = source.next();
        if (done) controller.close();
        else controller.enqueue(value);
      };
      return new ReadableStream({ pull }, { highWaterMark: 0 });
    },
  ],
])('%s', (_, make) => {
  test('is timed item by item, and its waits are its duration', async () => {
    const { call, registry } = handlerOf(make);
    await consume((await call()) as AsyncIterable<unknown>);
    const { durationSum } = await readings(registry, ADDRESS);
    const { lastProgress, ...rest } = await read();
    expect(rest).toEqual({
      first: [1, 1.5],
      between: [1, 2.5],
      items: 2,
      outcomes: { success: 1 },
      handler: 7,
      consumer: 1.5,
    });
    expect(durationSum).toBe(rest.handler + rest.consumer);
    expect(lastProgress).toBeGreaterThan(1e9);
  });
});

describe('a Node Readable', () => {
  const source = () => new Readable({ objectMode: true, read() {} });

  test('that is iterated waits for the consumer until it is read, and for the handler until there is a chunk', async () => {
    const { call } = handlerOf(source);
    const stream = call();
    const iterator = stream[Symbol.asyncIterator]();
    pass(1);
    const first = iterator.next();
    pass(2);
    stream.push('a');
    await first;
    pass(4);
    stream.push('b');
    await iterator.next();
    const last = iterator.next();
    pass(8);
    stream.push(null);
    await last;
    expect(await read()).toMatchObject({
      first: [1, 3],
      between: [1, 4],
      items: 2,
      outcomes: { success: 1 },
      handler: 10,
      consumer: 5,
    });
  });

  test('that flows waits for the consumer while its listeners run and while it is paused', async () => {
    const { call } = handlerOf(source);
    const stream = call();
    stream.on('data', () => pass(1));
    await new Promise(setImmediate);
    pass(2);
    stream.push('a');
    pass(4);
    stream.once('data', () => stream.pause());
    stream.push('b');
    pass(8);
    const resumed = once(stream, 'resume');
    stream.resume();
    await resumed;
    await new Promise(setImmediate);
    pass(16);
    const ended = once(stream, 'end');
    stream.push(null);
    await ended;
    expect(await read()).toMatchObject({ first: [1, 2], between: [1, 5], items: 2, handler: 22, consumer: 10 });
  });

  test('with a readable listener is asked from the start', async () => {
    const { call } = handlerOf(source);
    const stream = call();
    stream.on('readable', () => {
      while (stream.read() !== null);
    });
    await new Promise(setImmediate);
    pass(2);
    stream.push('a');
    await new Promise(setImmediate);
    pass(4);
    stream.destroy();
    await once(stream, 'close');
    expect(await read()).toMatchObject({ items: 1, outcomes: { cancelled: 1 }, handler: 6, consumer: 0 });
  });
});

describe('a stream', () => {
  test('of no items', async () => {
    const { call } = handlerOf(async function* () {
      pass(2);
      yield* [];
    });
    await drain(call());
    expect(await read()).toEqual({
      first: [0, 0],
      between: [0, 0],
      items: 0,
      outcomes: { success: 1 },
      lastProgress: 0,
      handler: 2,
      consumer: 0,
    });
  });

  test('of one item', async () => {
    const { call } = handlerOf(async function* () {
      pass(2);
      yield 'a';
    });
    await drain(call());
    expect(await read()).toMatchObject({ first: [1, 2], between: [0, 0], items: 1, outcomes: { success: 1 } });
  });

  test('that its handler takes long to return has waited for the handler', async () => {
    const { call } = handlerOf(async () => {
      await Promise.resolve();
      pass(4);
      return asyncSteps();
    });
    const stream = await call();
    pass(1);
    await drain(stream);
    expect(await read()).toMatchObject({ first: [1, 6], handler: 11, consumer: 1 });
  });

  test('is on the way: counted item by item', async () => {
    const stream = handlerOf(asyncSteps).call();
    expect(await read()).toMatchObject({ items: 0, outcomes: {}, handler: 0 });
    await stream.next();
    expect(await read()).toMatchObject({ first: [1, 1], items: 1, outcomes: {}, handler: 1 });
    await stream.return(undefined);
    expect(await read()).toMatchObject({ items: 1, outcomes: { cancelled: 1 } });
  });

  test('whose consumer breaks is cancelled; the handler cleans up on its own time', async () => {
    const { call } = handlerOf(async function* () {
      try {
        yield* steps();
      } finally {
        pass(8);
      }
    });
    for await (const _ of call()) {
      pass(0.5);
      break;
    }
    expect(await read()).toMatchObject({ items: 1, outcomes: { cancelled: 1 }, handler: 9, consumer: 0.5 });
  });

  test('whose consumer throws is cancelled', async () => {
    const consumeBadly = async () => {
      for await (const _ of handlerOf(asyncSteps).call()) throw boom;
    };
    await expect(consumeBadly()).rejects.toBe(boom);
    expect(await read()).toMatchObject({ items: 1, outcomes: { cancelled: 1 } });
  });

  test('that throws midway is an error', async () => {
    const { call } = handlerOf(async function* () {
      yield 'a';
      pass(2);
      throw boom;
    });
    await expect(drain(call())).rejects.toBe(boom);
    expect(await read()).toMatchObject({ items: 1, between: [0, 0], outcomes: { error: 1 }, handler: 2 });
  });

  test('that can not be opened is an error without items', async () => {
    const { call } = handlerOf(() => ({
      [Symbol.asyncIterator](): AsyncIterator<string> {
        throw boom;
      },
    }));
    await expect(drain(call())).rejects.toBe(boom);
    expect(await read()).toMatchObject({ items: 0, outcomes: { error: 1 } });
  });

  test('with an error item is an error, and the item counts', async () => {
    const { call } = handlerOf(async function* () {
      yield Annotated.fromError('no');
      yield 'b';
    });
    await drain(call());
    expect(await read()).toMatchObject({ items: 2, outcomes: { error: 1 } });
  });

  test('that is returned before the first next() is cancelled', async () => {
    const stream = handlerOf(asyncSteps).call();
    pass(2);
    await stream.return(undefined);
    expect(await read()).toMatchObject({ first: [0, 0], outcomes: { cancelled: 1 }, handler: 0, consumer: 2 });
  });

  test('is over when it is over', async () => {
    for (const make of [asyncSteps, steps]) {
      const stream = handlerOf<AsyncGenerator<string> | Generator<string>>(make).call();
      await drain(stream);
      const before = await read();
      pass(64);
      await stream.next();
      await stream.return(undefined);
      await expect(async () => stream.throw(boom)).rejects.toBe(boom);
      expect(await read()).toEqual(before);
    }
  });

  test('that is collected is abandoned, and waited for its consumer until then', async () => {
    const { call } = handlerOf(asyncSteps);
    call();
    pass(4);
    await eventuallyCollected('the stream is settled', async () => (await read()).outcomes.abandoned === 1);
    expect(await read()).toMatchObject({ items: 0, outcomes: { abandoned: 1 }, handler: 0, consumer: 4 });
  });

  test('into which its consumer throws goes on', async () => {
    const { call } = handlerOf(async function* () {
      try {
        yield 'a';
      } catch {
        pass(2);
        yield 'b';
      }
    });
    const stream = call();
    await stream.next();
    pass(1);
    await stream.throw(boom);
    await stream.next();
    expect(await read()).toMatchObject({
      between: [1, 3],
      items: 2,
      outcomes: { success: 1 },
      handler: 2,
      consumer: 1,
    });
  });

  test('with parallel next() calls waits for the handler as long as one is open', async () => {
    const source = new ControlledSource<string>();
    const { call } = handlerOf(() => source);
    const iterator = call()[Symbol.asyncIterator]();
    const all = [iterator.next(), iterator.next(), iterator.next()];
    pass(1);
    source.push('a');
    await all[0];
    pass(2);
    source.push('b');
    await all[1];
    pass(4);
    source.push('c');
    await all[2];
    pass(8);
    const end = iterator.next();
    pass(16);
    source.finish();
    await end;
    expect(await read()).toMatchObject({ first: [1, 1], between: [2, 6], items: 3, handler: 23, consumer: 8 });
  });
});

test('last_progress_timestamp_seconds follows the clock of the machine, also when that is set', async () => {
  const unix = jest.spyOn(Date, 'now').mockImplementation(() => 2_000_000_000_000 + seconds * 1000);
  const stream = handlerOf(async function* (): AsyncGenerator<string> {
    for (;;) yield 'a';
  }).call();
  pass(1);
  await stream.next();
  expect((await read()).lastProgress).toBeCloseTo(2e9 + seconds, 3);
  pass(0.25);
  await stream.next();
  expect((await read()).lastProgress).toBeCloseTo(2e9 + seconds, 3);
  unix.mockImplementation(() => 3_000_000_000_000 + seconds * 1000);
  pass(1);
  await stream.next();
  expect((await read()).lastProgress).toBeCloseTo(3e9 + seconds, 3);
  unix.mockRestore();
  await stream.return(undefined);
});

test('a method that is an async generator itself', async () => {
  const registry = new Registry();
  useRegistry(registry);

  @Profiled('ns', 'comp', 'ep')
  class Handler {
    async *generate() {
      yield* steps();
    }
  }
  await consume(new Handler().generate());
  expect(await read()).toMatchObject({ first: [1, 1.5], between: [1, 2.5], items: 2, handler: 7, consumer: 1.5 });
});
