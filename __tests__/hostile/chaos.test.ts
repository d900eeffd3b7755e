import { ERROR_TYPES } from '../../lib/errors';
import { encodeControl } from '../../lib/wire/response-frames';
import { eventually } from '../support/eventually';
import { Driver, type EndpointName, type Tally } from './chaos-driver';
import { KINDS, pick, randomFrom } from './chaos-kinds';
import { type Samples, WorkerProcess } from './chaos-process';

import { type Call, inParallel } from './peers';
import { Traces } from './traces';

const REQUESTS = 10_000;
const CONCURRENCY = 100;
/** Requests that an endpoint takes at once: fewer than the driver sends. */
const CAPACITY = 64;
const REFUSED_AT_FIRST = 25;
/** What is sent, and in which order; CHAOS_SEED tries another. */
const SEED = Number(process.env.CHAOS_SEED ?? 20_251_122);

const errorsOf = (samples: Samples) =>
  Object.fromEntries(ERROR_TYPES.map((type) => [type, samples[`errors_total{${type}}`]]));
const errorsIn = ({ errors }: Tally) => Object.fromEntries(ERROR_TYPES.map((type) => [type, errors[type] ?? 0]));

/** What holds of every endpoint, to the last byte. */
function expectCommon(samples: Samples, tally: Tally): void {
  expect(samples).toMatchObject({
    concurrent_requests: 0,
    requests_total: tally.requests,
    request_duration_seconds_count: tally.requests,
    request_bytes_total: tally.requestBytes,
  });
  expect(tally.refused).toBeGreaterThan(0);
}

/** Takes all places of an endpoint, and shows that the next ones are refused. How many requests that were. */
async function overload(driver: Driver, name: EndpointName): Promise<number> {
  const calls = new Set<Call>();
  const held = Array.from({ length: CAPACITY }, () =>
    driver.ask(name, { task: { do: 'endless', n: 0 }, onFrame: (call) => calls.add(call) }),
  );
  await eventually('every place is taken', () => calls.size === CAPACITY);
  await inParallel(REFUSED_AT_FIRST, 5, async () => {
    expect(await driver.ask(name, { task: { do: 'count', n: 1 } })).toBeUndefined();
  });
  for (const { socket } of calls) socket.write(encodeControl('stop'));
  await Promise.all(held);
  driver.tallies[name].cancellations += CAPACITY;
  return CAPACITY + REFUSED_AT_FIRST;
}

/** Sends everything, until no request is under way. */
async function chaos(driver: Driver, worker: WorkerProcess, count: number): Promise<void> {
  const random = randomFrom(SEED);
  const seen = new Set<string>();
  await inParallel(count, CONCURRENCY, async () => {
    const kind = pick(random);
    seen.add(kind);
    try {
      await KINDS[kind]![1](driver, random);
    } catch (error) {
      throw new Error(`a request of the kind "${kind}" went wrong`, { cause: error });
    }
  });
  expect([...seen].sort()).toEqual(Object.keys(KINDS).sort());
  await eventually('no request is under way', async () => {
    const all = [await worker.scrape('whole'), await worker.scrape('cut')];
    return all.every(({ concurrent_requests: running }) => running === 0);
  });
}

/** Where every response was read to its end, nothing is left to chance. */
function expectExactly(samples: Samples, tally: Tally): void {
  expectCommon(samples, tally);
  expect(samples).toMatchObject({
    cancellation_total: tally.cancellations,
    response_bytes_total: tally.responseBytes,
  });
  expect(errorsOf(samples)).toEqual(errorsIn(tally));
}

/**
 * Where not, two races are inherent. A requester that resets the connection as it comes is met while the worker opens it
 * (`response_stream`) or after that (a cancellation): the sum is exact. One that leaves near the end of a stream cancels it, or
 * comes too late. And the worker may have handed on more than the driver read.
 */
function expectWithinRaces(samples: Samples, tally: Tally): void {
  expectCommon(samples, tally);
  const unreached = samples['errors_total{response_stream}']!;
  expect(errorsOf(samples)).toEqual({ ...errorsIn(tally), response_stream: unreached });
  expect(unreached).toBeLessThanOrEqual(tally.cancelledOrUnreached);
  const certain = tally.cancellations + tally.cancelledOrUnreached - unreached;
  expect(samples.cancellation_total).toBeGreaterThanOrEqual(certain);
  expect(samples.cancellation_total).toBeLessThanOrEqual(certain + tally.maybeCancelled);
  expect(samples.response_bytes_total).toBeGreaterThanOrEqual(tally.responseBytes);
}

test(`${REQUESTS} requests of every kind are counted to the last byte (seed ${SEED})`, async () => {
  using traces = new Traces();
  const worker = await WorkerProcess.start(CAPACITY);
  try {
    let before: number;
    {
      await using driver = await Driver.open(worker.addresses, 8);
      const first = (await overload(driver, 'whole')) + (await overload(driver, 'cut'));
      before = (await worker.report()).heldMiB;
      await chaos(driver, worker, REQUESTS - first);
      expectExactly(await worker.scrape('whole'), driver.tallies.whole);
      expectWithinRaces(await worker.scrape('cut'), driver.tallies.cut);
      expect(await worker.refusals()).toEqual(driver.refusals);
    }
    await eventually('the worker holds no file, socket or timer', async () => {
      const { files, timers } = await worker.report();
      return files <= 0 && timers === 0;
    });
    expect((await worker.report()).heldMiB - before).toBeLessThan(4);
    expect([await worker.ended(), worker.stderr]).toEqual([0, '']);
  } finally {
    worker.kill();
  }
  await traces.areGone();
}, 120_000);
