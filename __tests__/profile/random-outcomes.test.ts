import { Registry } from 'prom-client';
import { Annotated, Context, Profiled, useRegistry } from '../../lib';
import { OUTCOMES } from '../../lib/metrics/names';
import { collectGarbage, eventuallyCollected } from '../support/eventually';
import { readings } from '../support/readings';
import { streamReadings } from '../support/stream-readings';

const CALLS = 100_000;

type Way = (handler: Handler) => unknown;
type Handler = { generate(way: unknown, context?: unknown): unknown };

async function* items(context?: unknown): AsyncGenerator<unknown> {
  yield 'a';
  yield { b: 1 };
  if (context instanceof Context && context.isStopped) return;
  yield 'c';
}

const swallow = (): undefined => undefined;
const stream = (handler: Handler, way: () => unknown, ...rest: unknown[]) =>
  handler.generate(way, ...rest) as AsyncGenerator<unknown>;
const drain = async (all: AsyncIterable<unknown>): Promise<void> => {
  for await (const item of all) void item;
};

/** Each way to end a request, so that a random mix of them meets every path. */
const WAYS: readonly Way[] = [
  (handler) => handler.generate(() => 'value'),
  (handler) => handler.generate(() => Promise.resolve('value')),
  (handler) => (handler.generate(() => Promise.reject(new Error('no'))) as Promise<unknown>).catch(swallow),
  (handler) => {
    try {
      return handler.generate(() => {
        throw new Error('no');
      });
    } catch {
      return undefined;
    }
  },
  (handler) => drain(stream(handler, items)),
  (handler) =>
    drain(
      stream(handler, async function* () {
        yield 1;
        throw new Error('no');
      }),
    ).catch(swallow),
  (handler) =>
    drain(
      stream(handler, async function* () {
        yield Annotated.fromError('no');
      }),
    ),
  async (handler) => {
    for await (const item of stream(handler, items)) if (item === 'a') break;
  },
  (handler) => stream(handler, items).return(undefined),
  (handler) => stream(handler, items).throw(new Error('no')).catch(swallow),
  (handler) => void stream(handler, items),
  (handler) => void stream(handler, items).next(),
  async (handler) => {
    const context = new Context('x');
    const running = stream(handler, () => items(context), context);
    await running.next();
    context.kill();
    await drain(running);
  },
];

/** A small generator of repeatable randomness. */
function* random(seed: number): Generator<number> {
  for (;;) yield (seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

test(`${CALLS} calls that end in every way leave no gauge, no gap and no memory behind`, async () => {
  const registry = new Registry();
  useRegistry(registry);
  @Profiled('ns', 'comp', 'ep')
  class Subject {
    generate(way: unknown, _context?: unknown) {
      return (way as () => unknown)();
    }
  }
  const handler: Handler = new Subject();
  const dice = random(42);
  const run = async (calls: number): Promise<void> => {
    for (let done = 0; done < calls; done += 100) {
      await Promise.all(Array.from({ length: 100 }, () => WAYS[Math.floor(dice.next().value * WAYS.length)]!(handler)));
    }
  };
  const settled = async () => (await readings(registry)).inflight === 0;

  await run(CALLS / 10);
  await eventuallyCollected('the warm-up is settled', settled);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await run(CALLS);
  await eventuallyCollected('every abandoned stream is settled', settled);

  const after = await readings(registry);
  expect(after.requests).toBe(CALLS + CALLS / 10);
  expect(after.ended).toBe(after.requests);
  expect(after.errors.generate).toBeGreaterThan(CALLS / 10);
  expect(after.cancellations).toBeGreaterThan(CALLS / 10);
  const { first, between, items: itemCount, outcomes, handler: waits, consumer } = await streamReadings(registry);
  expect(Object.keys(outcomes)).toEqual([...OUTCOMES]);
  expect(first[0] + between[0]).toBe(itemCount);
  expect(waits + consumer).toBeLessThanOrEqual(after.durationSum + 1e-3);
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 * 1024 * 1024);
}, 60_000);
