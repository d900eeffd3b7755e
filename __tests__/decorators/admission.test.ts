import { Context, CustomMetric, getRegistry, Profiled, profiled, useRegistry } from '../../lib';
import { Registry } from 'prom-client';
import { ADMISSION_METRICS } from '../../lib/metrics/names';
import { lint, sample } from '../../lib/testing';
import { deferred } from '../../lib/internal/deferred';
import { readings } from '../support/readings';
import { handlerOf } from './handler';
import { door, failure, limited } from './limited';

const NONE = { queued: 0, letIn: 0, full: 0, timeout: 0 };
const NAMES = Object.values(ADMISSION_METRICS).map(({ name }) => name);

afterEach(() => jest.useRealTimers());

describe('a handler with a limit', () => {
  test('has its metrics at 0 from the first scrape on; one without has none', async () => {
    const { registry } = limited({ maxConcurrent: 1 });
    await getRegistry().metrics();
    expect(await door(registry)).toEqual(NONE);
    expect(await lint(registry)).toEqual([]);
    const { registry: other, call } = handlerOf(() => 'x');
    call();
    const names = (await other.getMetricsAsJSON()).map(({ name }) => name);
    expect(names.filter((name) => NAMES.includes(name as never))).toEqual([]);
  });

  test('runs as many calls as allowed, the others in the order of their arrival', async () => {
    const { call, read, registry, log, end } = limited({ maxConcurrent: 2, maxQueued: Infinity });
    const all = ['a', 'b', 'c', 'd'].map((name) => call(name));
    expect(log).toEqual(['begin a', 'begin b']);
    expect(await door(registry)).toEqual({ queued: 2, letIn: 2, full: 0, timeout: 0 });
    expect(await read()).toMatchObject({ requests: 4, inflight: 2, ended: 0 });
    end('b');
    await all[1];
    await new Promise(setImmediate);
    expect(log).toEqual(['begin a', 'begin b', 'end b', 'begin c']);
    expect(await read()).toMatchObject({ requests: 4, inflight: 2, ended: 1 });
    for (const name of 'acd') end(name);
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
    expect(log.filter((line) => line.startsWith('begin'))).toEqual(['begin a', 'begin b', 'begin c', 'begin d']);
    expect(await door(registry)).toEqual({ ...NONE, letIn: 4 });
    expect(await read()).toMatchObject({ requests: 4, inflight: 0, ended: 4, errors: {}, cancellations: 0 });
    const waited = (await sample(registry, 'queue_wait_seconds_sum', { endpoint: 'ep' }))!;
    expect(waited).toBeGreaterThan(0);
    expect((await read()).durationSum).toBeGreaterThan(waited);
  });

  test('refuses at once without a queue, and when the queue is full: neither an error nor something that took time', async () => {
    for (const maxQueued of [0, 1]) {
      const { call, read, registry, end } = limited({ maxConcurrent: 1, ...(maxQueued > 0 && { maxQueued }) });
      const kept = ['a', 'b'].slice(0, 1 + maxQueued).map((name) => call(name));
      const error = await failure(call('x'));
      expect(error).toMatchObject({ name: 'ProfiledError', code: 'PROFILED_OVERLOADED' });
      expect(error.message).toContain(`at its limit of 1 call at once, and ${maxQueued} more wait`);
      expect(await door(registry)).toEqual({ ...NONE, queued: maxQueued, letIn: 1, full: 1 });
      expect(await read()).toMatchObject({ requests: 2 + maxQueued, inflight: 1, ended: 0, errors: {} });
      for (const name of 'ab') end(name);
      await Promise.all(kept);
      expect(await read()).toMatchObject({ inflight: 0, ended: 1 + maxQueued, errors: {}, cancellations: 0 });
    }
  });

  test('refuses who has waited too long, and only them', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'hrtime', 'performance', 'nextTick', 'queueMicrotask'] });
    const { call, read, registry, end, log } = limited({ maxConcurrent: 1, maxQueued: 2, queueTimeoutMs: 50 });
    const first = call('a');
    const second = failure(call('b'));
    jest.advanceTimersByTime(30);
    const third = call('c');
    jest.advanceTimersByTime(20);
    expect(await second).toMatchObject({ code: 'PROFILED_OVERLOADED' });
    expect((await second).message).toContain('50 ms of `queueTimeoutMs`');
    expect(await door(registry)).toEqual({ queued: 1, letIn: 1, full: 0, timeout: 1 });
    end('a');
    await first;
    end('c');
    expect(await third).toBe('c');
    expect(jest.getTimerCount()).toBe(0);
    expect(log).not.toContain('begin b');
    expect(await read()).toMatchObject({ requests: 3, inflight: 0, ended: 2, errors: {}, cancellations: 0 });
  });

  test.each<[string, (signal: AbortSignal) => unknown[]]>([
    ['an AbortSignal', (signal) => ['b', signal]],
    ['options with a signal', (signal) => ['b', { signal }]],
    [
      'its Context',
      (signal) => {
        const context = new Context('b');
        signal.addEventListener('abort', () => context.stopGenerating());
        return [context];
      },
    ],
  ])('is left by an abort through %s: a cancellation, at once', async (_, args) => {
    const { call, read, registry, end, log } = limited({ maxConcurrent: 1, maxQueued: 1 });
    const first = call('a');
    const controller = new AbortController();
    const second = failure(call(...args(controller.signal)));
    controller.abort();
    expect(await read()).toMatchObject({ requests: 2, inflight: 1, ended: 1, cancellations: 1, errors: {} });
    expect(await door(registry)).toEqual({ ...NONE, letIn: 1 });
    expect(await second).toMatchObject({ code: 'PROFILED_CANCELLED' });
    end('a');
    await first;
    expect(log).toEqual(['begin a', 'end a']);
  });

  test('does not let in what was aborted before it came and would have to wait', async () => {
    const { call, read, end, log } = limited({ maxConcurrent: 1, maxQueued: 1 });
    const first = call('a');
    const error = await failure(call('b', AbortSignal.abort()));
    expect(error).toMatchObject({ code: 'PROFILED_CANCELLED' });
    expect(await read()).toMatchObject({ inflight: 1, ended: 1, cancellations: 1 });
    end('a');
    await first;
    expect(log).toEqual(['begin a', 'end a']);
  });

  test('gives room back when a call throws or rejects', async () => {
    const { call, read } = handlerOf(
      (how: unknown) => {
        if (how === 'throw') throw new Error(how);
        return Promise.reject(new Error('reject'));
      },
      { maxConcurrent: 1 },
    );
    for (let i = 0; i < 3; i++) {
      expect(() => call('throw')).toThrow('throw');
      await expect(call('reject')).rejects.toThrow('reject');
    }
    expect(await read()).toMatchObject({ requests: 6, inflight: 0, ended: 6, errors: { generate: 6 } });
  });

  test('refuses at once with an exception where the answer can not wait', async () => {
    const inner = deferred<string>();
    let form = (): unknown => ({ then: (done: (text: string) => void) => void inner.promise.then(done) });
    const { call, read, registry } = handlerOf(() => form(), { maxConcurrent: 1, maxQueued: 5 });
    const first = call();
    // A thenable is answered by a promise: the next call can wait.
    const second = call();
    expect(await door(registry)).toMatchObject({ queued: 1, letIn: 1, full: 0 });
    form = () =>
      (function* () {
        yield 1;
      })();
    inner.resolve('x');
    expect(await first).toBe('x');
    expect(typeof ((await second) as Iterator<number>).next).toBe('function');
    // The generator is under way until somebody ends it.
    const stream = (await second) as Generator<number>;
    form = () => 'value';
    stream.return(undefined);
    expect(call()).toBe('value');
    form = () =>
      (function* () {
        expect(() => call()).toThrow(/PROFILED_OVERLOADED: .* neither a promise nor an async generator/);
        yield 1;
      })();
    expect([...(call() as Iterable<number>)]).toEqual([1]);
    expect(await door(registry)).toMatchObject({ queued: 0, full: 1 });
    expect(await read()).toMatchObject({ inflight: 0, errors: {} });
  });

  test('is shared by all instances and an undecorated subclass, each decorator having its own', async () => {
    useRegistry(new Registry());
    const gate = deferred();
    @Profiled('ns', 'comp', 'ep', { maxConcurrent: 1 })
    class Base {
      async generate(name: string) {
        await gate.promise;
        return name;
      }
    }
    class Derived extends Base {}
    const other = profiled('ns.comp.other', async (name: string) => name, { maxConcurrent: 1 });
    const kept = new Base().generate('a');
    await expect(new Base().generate('b')).rejects.toThrow('PROFILED_OVERLOADED');
    await expect(new Derived().generate('c')).rejects.toThrow('PROFILED_OVERLOADED');
    expect(await other('d')).toBe('d');
    gate.resolve();
    expect(await kept).toBe('a');
    expect(await new Derived().generate('e')).toBe('e');
  });

  test('custom metrics see a refused call arrive and end', async () => {
    const registry = new Registry();
    useRegistry(registry);
    const gate = deferred();
    class Handler {
      @CustomMetric({ type: 'counter', name: 'arrived_total', help: 'Arrived' })
      @CustomMetric({
        type: 'counter',
        name: 'ended_total',
        help: 'Ended',
        on: 'end',
        labels: ({ outcome }) => ({ outcome }),
      })
      async generate() {
        await gate.promise;
      }
    }
    Profiled('ns', 'comp', 'ep', { maxConcurrent: 1 })(Handler);
    const handler = new Handler();
    const first = handler.generate();
    await expect(handler.generate()).rejects.toThrow('PROFILED_OVERLOADED');
    gate.resolve();
    await first;
    expect(await sample(registry, 'arrived_total')).toBe(2);
    expect(await sample(registry, 'ended_total', { outcome: 'rejected' })).toBe(1);
    expect(await sample(registry, 'ended_total', { outcome: 'success' })).toBe(1);
    expect(await readings(registry, { endpoint: 'ep' })).toMatchObject({ requests: 2, ended: 1 });
  });
});

test.each<[object, string]>([
  [{ maxConcurrent: 0 }, '`maxConcurrent` must be a whole number of calls, 1 or more, got 0'],
  [{ maxConcurrent: 1.5 }, '`maxConcurrent` must be'],
  [{ maxConcurrent: '4' }, '`maxConcurrent` must be'],
  [{ maxConcurrent: 1, maxQueued: -1 }, '`maxQueued` must be a whole number of calls, 0 or more, or Infinity, got -1'],
  [{ maxQueued: 1 }, '`maxQueued` needs `maxConcurrent`'],
  [{ maxConcurrent: 1, maxQueued: 1, queueTimeoutMs: 0 }, '`queueTimeoutMs` must be milliseconds from 1 to 2147483647'],
  [{ maxConcurrent: 1, queueTimeoutMs: 5 }, '`queueTimeoutMs` needs a `maxQueued` of 1 or more'],
])('%j is refused by name', (options, message) => {
  expect(() => Profiled('ns', 'comp', 'ep', options as never)).toThrow(`PROFILED_CONFIG_INVALID: ${message}`);
  expect(() => profiled('ns.comp.ep', () => 1, options as never)).toThrow(`PROFILED_CONFIG_INVALID: ${message}`);
});
