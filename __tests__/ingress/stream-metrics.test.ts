import { randomUUID } from 'node:crypto';
import { CustomMetric, Ingress, type IngressOptions, Profiled, type ServableHandler } from '../../lib';
import { deferred, type Deferred } from '../../lib/internal/deferred';
import { now } from '../../lib/internal/clock';
import type { WorkerEvent } from '../../lib/transports/transport';
import { encodeControlMessage } from '../../lib/wire/control-message';
import { decodeTwoPart, encodeTwoPart } from '../../lib/wire/two-part';
import { freshRegistry, sample } from '../../lib/testing';
import { eventually } from '../support/eventually';
import { readings } from '../support/readings';
import { streamNamesIn, streamReadings } from '../support/stream-readings';

jest.mock('../../lib/internal/clock', () => ({
  ...jest.requireActual<object>('../../lib/internal/clock'),
  now: jest.fn(),
}));

/** The clock, which only the tests move; all steps are such that their sums are exact. */
let seconds = 1024;
const pass = (duration: number): void => void (seconds += duration);
beforeAll(() => void jest.mocked(now).mockImplementation(() => seconds));

const ADDRESS = { namespace: 'ns', component: 'comp', endpoint: 'ep' };
let registry: ReturnType<typeof freshRegistry>;
beforeEach(() => void (registry = freshRegistry()));
const read = () => streamReadings(registry, ADDRESS);

async function* steps(): AsyncGenerator<string> {
  pass(1);
  yield 'a';
  pass(2);
  yield 'b';
  pass(4);
}

/** Serves one request over a connection that has no room for the frames whose text is in `full`, until the test says so. */
function serve(handler: ServableHandler<never>, options: IngressOptions<never> = {}, full: string[] = []) {
  const frames: string[] = [];
  const waiting: Deferred<void>[] = [];
  let tell: (event: WorkerEvent) => void = () => {};
  const send = (frame: Uint8Array) => {
    const { body } = decodeTwoPart(frame);
    frames.push(Buffer.from(body).toString());
    if (!full.some((text) => frames.at(-1)!.includes(text))) return undefined;
    waiting.push(deferred());
    return waiting.at(-1)!.promise;
  };
  const control = encodeControlMessage({
    id: randomUUID(),
    requestType: 'single_in',
    responseType: 'many_out',
    connectionInfo: { transport: 'test', info: '{}' },
  });
  const done = Ingress.forEngine(handler, options)
    .addMetrics(ADDRESS)
    .handlePayload(encodeTwoPart(control, '"x"'), async (_, __, { onEvent }) => {
      tell = onEvent;
      return { send, flush: () => undefined, end: async () => {}, destroy: () => {} };
    });
  return { done, frames, waiting, tell: (event: WorkerEvent) => tell(event) };
}

describe('a served stream', () => {
  it('is timed until its items are handed to the connection', async () => {
    await serve(steps).done;
    const { lastProgress, ...rest } = await read();
    expect(rest).toEqual({
      first: [1, 1],
      between: [1, 2],
      items: 2,
      outcomes: { success: 1 },
      handler: 7,
      consumer: 0,
    });
    expect(lastProgress).toBeGreaterThan(1e9);
    expect((await readings(registry, ADDRESS)).durationSum).toBe(7);
  });

  it('waits for its consumer while the connection has no room', async () => {
    const { done, waiting } = serve(steps, {}, ['"a"', 'complete_final":true']);
    await eventually('an item waits', () => waiting.length === 1);
    pass(8);
    waiting[0]!.resolve();
    await eventually('the end waits', () => waiting.length === 2);
    pass(16);
    waiting[1]!.resolve();
    await done;
    expect(await read()).toMatchObject({ first: [1, 1], between: [1, 10], handler: 7, consumer: 24 });
    expect((await readings(registry, ADDRESS)).durationSum).toBe(31);
  });

  it('of a decorated handler counts once, and its custom metrics go on', async () => {
    @Profiled('ns', 'comp', 'ep')
    class Handler {
      @CustomMetric({ type: 'counter', name: 'seen_total', help: 'Seen', on: 'item' })
      async *generate() {
        yield* steps();
      }
    }
    await serve(new Handler()).done;
    expect(await read()).toMatchObject({ items: 2, first: [1, 1], outcomes: { success: 1 }, handler: 7 });
    expect(await sample(registry, 'seen_total')).toBe(2);
  });

  it('that fails midway is an error; what tells of it is no item', async () => {
    const { done, frames } = serve(async function* () {
      yield 'a';
      throw new Error('midway');
    });
    await done;
    expect(frames.join()).toContain('midway');
    expect(await read()).toMatchObject({ items: 1, outcomes: { error: 1 } });
  });

  it('that its requester stops is cancelled', async () => {
    const next = deferred();
    const { done, frames, tell } = serve(async function* () {
      yield 'a';
      await next.promise;
      yield 'b';
    });
    await eventually('the first item is sent', () => frames.join().includes('"a"'));
    tell('stop');
    next.resolve();
    await done;
    expect(await read()).toMatchObject({ items: 2, outcomes: { cancelled: 1 } });
  });

  it('that is killed while its handler has not returned yet is none', async () => {
    const called = deferred();
    const returned = deferred<AsyncIterable<string>>();
    const { done, tell } = serve(() => {
      called.resolve();
      return returned.promise;
    });
    await called.promise;
    tell('kill');
    await done;
    returned.resolve(steps());
    await new Promise(setImmediate);
    expect(streamNamesIn(registry)).toEqual([]);
  });
});

it('a served value has no streaming set', async () => {
  await serve(async () => 'a').done;
  expect((await readings(registry, ADDRESS)).ended).toBe(1);
  expect(streamNamesIn(registry)).toEqual([]);
});

it('`streamMetrics: false` makes none of it, whether the ingress says so or the decorator', async () => {
  @Profiled('ns', 'comp', 'ep', { streamMetrics: false })
  class Handler {
    async *generate() {
      yield* steps();
    }
  }
  await serve(steps, { streamMetrics: false }).done;
  await serve(new Handler()).done;
  expect(streamNamesIn(registry)).toEqual([]);
  await serve(new Handler(), { streamMetrics: true }).done;
  expect(await read()).toMatchObject({ items: 2 });
});

it('refuses a `streamMetrics` that is neither true nor false', () => {
  expect(() => Ingress.forEngine(steps, { streamMetrics: 1 as never })).toThrow(
    '`streamMetrics` must be true or false',
  );
});

it('a limit of the decorator bounds calls in process alone, not what an ingress serves', async () => {
  const gate = deferred<string>();
  @Profiled('ns', 'comp', 'ep', { maxConcurrent: 1 })
  class Handler {
    generate() {
      return gate.promise;
    }
  }
  const handler = new Handler();
  const served = [serve(handler), serve(handler)];
  const direct = handler.generate();
  await expect(handler.generate()).rejects.toThrow('PROFILED_OVERLOADED');
  expect(await readings(registry, ADDRESS)).toMatchObject({ requests: 4, inflight: 3 });
  gate.resolve('x');
  await Promise.all([direct, ...served.map(({ done }) => done)]);
  expect(await readings(registry, ADDRESS)).toMatchObject({ requests: 4, inflight: 0, ended: 3, errors: {} });
  expect(await sample(registry, 'rejected_requests_total', { reason: 'queue_full' })).toBe(1);
});
