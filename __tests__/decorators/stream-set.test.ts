import { Registry } from 'prom-client';
import { CustomMetric, getRegistry, Profiled, useRegistry } from '../../lib';
import { OUTCOMES, STREAM_METRICS } from '../../lib/metrics/names';
import { lint, sample } from '../../lib/testing';
import { streamNamesIn, streamReadings } from '../support/stream-readings';
import { drain, handlerOf } from './handler';

let reads = 0;

jest.mock('../../lib/internal/clock', () => {
  const clock = jest.requireActual<{ now(): number }>('../../lib/internal/clock');
  return {
    ...clock,
    now: () => {
      reads += 1;
      return clock.now();
    },
  };
});

const ADDRESS = { namespace: 'ns', component: 'comp', endpoint: 'ep' };
const ALL = Object.values(STREAM_METRICS).map(({ name }) => name);
const read = () => streamReadings(getRegistry(), ADDRESS);
const boom = new Error('boom');

async function* letters(): AsyncGenerator<string> {
  yield* 'ab';
}

describe('the streaming set', () => {
  test.each<[string, () => unknown]>([
    ['a value', () => 'a'],
    ['a promise of a value', async () => 'a'],
    ['an array', () => ['a']],
    ['nothing', () => undefined],
    [
      'an error',
      async () => {
        throw boom;
      },
    ],
  ])('is not there for %s', async (_, make) => {
    const { call, registry } = handlerOf(make);
    await Promise.allSettled([call() as Promise<unknown>]);
    await getRegistry().metrics();
    expect(streamNamesIn(registry)).toEqual([]);
  });

  test('is there, at 0, once a stream was returned', async () => {
    const { call, registry } = handlerOf(letters);
    await getRegistry().metrics();
    expect(streamNamesIn(registry)).toEqual([]);
    const stream = call();
    expect(streamNamesIn(registry)).toEqual(ALL);
    for (const outcome of OUTCOMES) {
      expect(await sample(registry, 'stream_outcomes_total', { ...ADDRESS, outcome })).toBe(0);
    }
    expect(await lint(registry)).toEqual([]);
    await stream.return(undefined);
  });

  test('is made in each registry with the first stream there; a stream stays where it began', async () => {
    const { call, registry } = handlerOf(letters);
    const stream = call();
    const other = new Registry();
    useRegistry(other);
    await other.metrics();
    expect(streamNamesIn(other)).toEqual([]);
    await drain(call());
    expect(streamNamesIn(other)).toEqual(ALL);
    await drain(stream);
    expect((await streamReadings(registry, ADDRESS)).items).toBe(2);
    expect((await streamReadings(other, ADDRESS)).items).toBe(2);
  });

  test('is one for two handlers at one address', async () => {
    const { call, registry } = handlerOf(letters);

    @Profiled('ns', 'comp', 'ep')
    class Second {
      *generate() {
        yield* 'ab';
      }
    }
    await drain(call());
    await drain(new Second().generate());
    expect(getRegistry()).toBe(registry);
    expect(await read()).toMatchObject({ items: 4, outcomes: { success: 2 } });
  });

  test('takes names, labels and buckets from the options', async () => {
    const labels = { service: 'backend' };
    const { call, registry } = handlerOf(letters, { naming: 'dynamo', labels });
    await drain(call());
    const all = { dynamo_namespace: 'ns', dynamo_component: 'comp', dynamo_endpoint: 'ep', ...labels };
    expect(await sample(registry, 'dynamo_component_response_items_total', all)).toBe(2);
    const bucket = (le: number) =>
      sample(registry, 'dynamo_component_time_to_first_response_seconds_bucket', { ...all, le });
    expect(await bucket(60)).toBe(1);
    expect(await bucket(600)).toBe(1);
  });

  test('ends its first bounds at a minute unless told of inference', async () => {
    const { call, registry } = handlerOf(letters);
    await drain(call());
    const bucket = (le: number) => sample(registry, 'time_to_first_response_seconds_bucket', { ...ADDRESS, le });
    expect(await bucket(60)).toBe(1);
    expect(await bucket(600)).toBeUndefined();
  });

  test('keeps its two labels for itself', () => {
    for (const label of ['outcome', 'side']) {
      expect(() => Profiled('ns', 'comp', 'ep', { labels: { [label]: 'x' } })).toThrow(`label "${label}"`);
    }
  });

  test('reads the clock at most twice an item', async () => {
    const { call } = handlerOf(async function* () {
      for (let i = 0; i < 100; i++) yield 'a';
    });
    reads = 0;
    await drain(call());
    expect(reads).toBeGreaterThan(100);
    expect(reads).toBeLessThanOrEqual(2 * 100 + 4);
  });

  test('is not there with `streamMetrics: false`, and no clock is read for an item', async () => {
    const { call, registry } = handlerOf(letters, { streamMetrics: false });
    reads = 0;
    await drain(call());
    expect(reads).toBe(2);
    expect(streamNamesIn(registry)).toEqual([]);
    expect(() => Profiled('ns', 'comp', 'ep', { streamMetrics: 'no' as never })).toThrow(
      '`streamMetrics` must be true or false',
    );
  });

  test('is not there for a method with custom metrics alone', async () => {
    class Plain {
      @CustomMetric({ type: 'counter', name: 'seen_total', help: 'Seen', on: 'item' })
      async *generate() {
        yield* 'ab';
      }
    }
    const registry = new Registry();
    useRegistry(registry);
    await drain(new Plain().generate());
    expect(await sample(registry, 'seen_total')).toBe(2);
    expect(streamNamesIn(registry)).toEqual([]);
  });

  test('loses only the one metric whose name is taken', async () => {
    const { call, registry } = handlerOf(letters);
    await getRegistry().metrics();
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    registry.registerMetric({ name: 'response_items_total', get: async () => ({ values: [] }) } as never);
    await drain(call());
    expect(warned).toHaveBeenCalledTimes(1);
    warned.mockRestore();
    expect(await sample(registry, 'stream_outcomes_total', { ...ADDRESS, outcome: 'success' })).toBe(1);
  });
});
