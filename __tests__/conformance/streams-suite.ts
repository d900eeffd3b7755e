import { getEventListeners } from 'node:events';
import { Annotated } from '../../lib/engine/annotated';
import { Context, type SingleIn } from '../../lib/engine/context';
import { deferred } from '../../lib/internal/deferred';
import { getRegistry } from '../../lib/metrics/store';
import { ControlledSource } from '../support/controlled-source';
import { collectGarbage, eventually, eventuallyCollected } from '../support/eventually';
import { readings } from '../support/readings';
import { collect, itemsOf, Pair, type TransportUnderTest } from './harness';

async function* count(request: SingleIn<number>) {
  for (let i = 0; i < request.data; i++) yield i;
}

const ONE = { requests: 1, ended: 1, inflight: 0, cancellations: 0, errors: {} };
const CANCELLED = { ...ONE, cancellations: 1 };

/** What a handler and its consumer see of each other over a transport, from the first byte to the last. */
export function streamsSuite(transport: TransportUnderTest): void {
  describe('round trips', () => {
    it.each([0, 1, 2, 65, 10_000])('%d items arrive in order', async (n) => {
      await using pair = await Pair.open<number>(transport, count);
      expect(await collect(await pair.call<number>(n))).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(await pair.settled()).toMatchObject(ONE);
    });

    it('an item of 16 MiB arrives whole', async () => {
      const text = 'é'.repeat(8 * 1024 * 1024);
      await using pair = await Pair.open(transport, async function* () {
        yield text;
      });
      expect((await collect(await pair.call<string>(''))).map((item) => item === text)).toEqual([true]);
    });

    it('every form of result, and every field of an item', async () => {
      const full = new Annotated({ data: { a: [1, null] }, id: '7', event: 'token', comment: ['x', 'é'] });
      await using pair = await Pair.open<string>(transport, async () => [full, full]);
      const [item] = await itemsOf(await pair.call(''));
      expect(item?.data).toEqual([{ ...full }, { ...full }]);
      await using second = await Pair.open<string>(transport, () => [full][Symbol.iterator]());
      expect(await itemsOf(await second.call(''))).toEqual([full]);
    });

    it('identity and metadata reach the handler', async () => {
      await using pair = await Pair.open<string>(transport, ({ id, metadata, data }) => ({ id, metadata, data }));
      const context = new Context(undefined, { id: 'my-request', metadata: { tenant: 'é' } });
      expect(await collect(await pair.call('hello', { context }))).toEqual([
        { id: 'my-request', metadata: { tenant: 'é' }, data: 'hello' },
      ]);
    });

    it('a thousand streams at once keep apart', async () => {
      await using pair = await Pair.open<number>(transport, async function* (request) {
        for (let i = 0; i < 10; i++) yield request.data * 10 + i;
      });
      const all = await Promise.all(Array.from({ length: 1000 }, async (_, i) => collect(await pair.call<number>(i))));
      expect(all.flat()).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
      expect(await pair.settled()).toMatchObject({ ...ONE, requests: 1000, ended: 1000 });
    });
  });

  describe('back-pressure', () => {
    const heldBytes = () => {
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };

    it('a handler waits for its consumer, and little memory is held meanwhile', async () => {
      const log: string[] = [];
      const item = 'x'.repeat(64 * 1024);
      const total = transport.slack * 3;
      const most = transport.slack * item.length + 8 * 2 ** 20;
      await using pair = await Pair.open(transport, async function* () {
        for (let i = 0; i < total; i++) {
          log.push('made');
          yield item;
        }
      });
      const heldAtFirst = heldBytes();
      const stream = await pair.call<string>('');
      let before = -1;
      await eventually('the handler waits', async () => {
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        const still = before === log.length;
        before = log.length;
        return still;
      });
      await eventually('little is held', () => heldBytes() - heldAtFirst < most);
      for await (const received of stream) log.push(received.isError ? 'error' : 'got');
      await eventually('little is held', () => heldBytes() - heldAtFirst < most);
      let ahead = 0;
      let furthest = 0;
      for (const entry of log) furthest = Math.max(furthest, (ahead += entry === 'made' ? 1 : -1));
      expect(furthest).toBeLessThanOrEqual(transport.slack);
      expect([ahead, log.length]).toEqual([0, total * 2]);
    });
  });

  describe('a handler that has ended while its last items wait', () => {
    const turns = async (count: number) => {
      for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
    };

    /** A stream with as much ahead of its reader as may be, whose handler has ended. */
    const endedHandler = async () => {
      let made = 0;
      let isLast = false;
      const handler = { hasEnded: false };
      const pair = await Pair.open<string>(transport, async function* () {
        // One in a turn, so that the last piece that the network does not take is a small one.
        for (; !isLast; await turns(1)) {
          made += 1;
          yield 'x'.repeat(128 * 1024);
        }
        handler.hasEnded = true;
      });
      const stream = await pair.call<string>('');
      const iterator = stream[Symbol.asyncIterator]();
      let before = -1;
      await eventually('the handler waits', async () => {
        before = made;
        await turns(30);
        return before === made;
      });
      isLast = true;
      let read = 0;
      for (; !handler.hasEnded; read++) {
        await iterator.next();
        await turns(5);
      }
      return { pair, iterator, left: made - read };
    };

    it('is a request under way until they have left, and then a success', async () => {
      const { pair, iterator, left } = await endedHandler();
      await using _ = pair;
      expect(await readings(getRegistry())).toMatchObject({ requests: 1, inflight: 1, ended: 0 });
      let items = 0;
      while (!(await iterator.next()).done) items += 1;
      expect(items).toBe(left);
      expect(await pair.settled()).toMatchObject(ONE);
    });

    it.each<[string, (pair: Pair<string>, iterator: AsyncIterator<unknown>) => unknown, object]>([
      ['leaves', (_, iterator) => iterator.return?.(), CANCELLED],
      ['dies', (pair) => pair.requester.response.server.close(), CANCELLED],
      ['loses its worker', (pair) => pair.worker.response.client.close(), { ...ONE, errors: { publish_final: 1 } }],
    ])('is no success if its consumer %s', async (_, end, expected) => {
      const { pair, iterator } = await endedHandler();
      await using _pair = pair;
      await end(pair, iterator);
      expect(await pair.settled()).toMatchObject(expected);
    });

    it('has nothing left that a drain could stop; what a drain kills is no success', async () => {
      const { pair, iterator } = await endedHandler();
      await using _ = pair;
      const drained = pair.admission.drain({ deadlineMs: 1, stopGraceMs: 60_000 });
      while (!(await iterator.next()).done);
      await drained;
      expect(await pair.settled()).toMatchObject(ONE);
      const second = await endedHandler();
      await using _second = second.pair;
      await second.pair.admission.drain({ deadlineMs: 1, stopGraceMs: 1 });
      expect(await second.pair.settled()).toMatchObject(CANCELLED);
    });
  });

  describe('cancellation', () => {
    it('before the request is sent: the worker hears nothing', async () => {
      await using pair = await Pair.open<number>(transport, count);
      const context = new Context(undefined);
      context.stopGenerating();
      for (const options of [{ signal: AbortSignal.abort() }, { context }]) {
        await expect(pair.call(1, options)).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
      }
      expect(await pair.settled()).toMatchObject({ ...ONE, requests: 0, ended: 0 });
    });

    it('after the acknowledgement, before the handler has answered: it is killed and not waited for', async () => {
      const began = deferred();
      const killed = deferred<boolean>();
      await using pair = await Pair.open<string>(transport, (request) => {
        began.resolve();
        request.signal.addEventListener('abort', () => killed.resolve(request.isKilled));
        return new Promise(() => {});
      });
      const controller = new AbortController();
      const call = pair.call('', { signal: controller.signal });
      await began.promise;
      controller.abort(new Error('enough'));
      await expect(call).rejects.toMatchObject({ code: 'PROFILED_CANCELLED', cause: new Error('enough') });
      expect(await killed.promise).toBe(true);
      expect(await pair.settled()).toMatchObject({ ...CANCELLED, responseBytes: 0 });
    });

    const reads = async (pair: Pair<string>, source: ControlledSource<string>, options = {}) => {
      const stream = await pair.call<string>('', options);
      const iterator = stream[Symbol.asyncIterator]();
      await eventually('the handler is asked', () => source.log.length === 1);
      source.push('first');
      const { value } = (await iterator.next()) as { value: Annotated<string> };
      expect(value.data).toBe('first');
      await eventually('the handler is asked again', () => source.log.length === 2);
      return iterator;
    };

    it.each<[string, (iterator: AsyncIterator<unknown>, context: Context<unknown>, abort: AbortController) => unknown]>(
      [
        ['leaving the loop', (iterator) => iterator.return?.()],
        ['killing its context', (_, context) => context.kill()],
        ['aborting its signal', (_iterator, _context, abort) => abort.abort()],
      ],
    )('midway, by %s: the handler is closed at once', async (_, cancel) => {
      const source = new ControlledSource<string>();
      await using pair = await Pair.open(transport, () => source);
      const context = new Context(undefined);
      const abort = new AbortController();
      const iterator = await reads(pair, source, { context, signal: abort.signal });
      await cancel(iterator, context, abort);
      const metrics = await pair.settled();
      expect(metrics).toMatchObject(CANCELLED);
      expect(metrics.responseBytes).toBe('{"data":{"data":"first"},"complete_final":false}'.length);
      expect(source.log).toEqual(['next', 'next', 'return']);
      if (abort.signal.aborted) await expect(iterator.next()).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    it('midway, by a stop: the item under way arrives, then the stream ends in order', async () => {
      const source = new ControlledSource<string>();
      const seen = deferred<boolean>();
      await using pair = await Pair.open<string>(transport, (request) => {
        request.signal.addEventListener('abort', () => seen.resolve(request.isKilled));
        return source;
      });
      const context = new Context(undefined);
      const iterator = await reads(pair, source, { context });
      context.stopGenerating();
      expect(await seen.promise).toBe(false);
      source.push('last');
      expect(await iterator.next()).toMatchObject({ value: { data: 'last' } });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      expect(await pair.settled()).toMatchObject(CANCELLED);
      expect(source.log).toEqual(['next', 'next', 'return']);
    });

    it('a handler that throws because it was stopped has not failed', async () => {
      await using pair = await Pair.open<string>(transport, async function* (request) {
        yield 'first';
        await new Promise((_, reject) => request.signal.addEventListener('abort', reject));
      });
      const context = new Context(undefined);
      const items: unknown[] = [];
      for await (const item of await pair.call<string>('', { context })) {
        items.push(item.data);
        context.stopGenerating();
      }
      expect(items).toEqual(['first']);
      expect(await pair.settled()).toMatchObject(CANCELLED);
    });

    it('after the last item: nothing was cancelled', async () => {
      await using pair = await Pair.open<number>(transport, count);
      const context = new Context(undefined);
      const stream = await pair.call<number>(3, { context });
      expect(await collect(stream)).toEqual([0, 1, 2]);
      context.kill();
      expect(await pair.settled()).toMatchObject(ONE);
    });

    it('of a stream that nobody reads: by its context', async () => {
      const source = new ControlledSource<string>();
      await using pair = await Pair.open<string>(transport, () => source);
      const context = new Context(undefined);
      await pair.call('', { context });
      await eventually('the handler is asked', () => source.log.length === 1);
      context.kill();
      expect(await pair.settled()).toMatchObject(CANCELLED);
    });

    /** Drops a stream, read up to here, that goes on for ever; its context and its signal are held. */
    const drops = async (pair: Pair<string>, itemsRead: number) => {
      const context = new Context(undefined);
      const { signal } = new AbortController();
      const iterator = (await pair.call('', { context, signal }))[Symbol.asyncIterator]();
      for (let i = 0; i < itemsRead; i++) await iterator.next();
      return { context, signal };
    };

    it.each([0, 1, 100])('of a stream that nobody holds any more, %d items later: by its collection', async (read) => {
      const closed = deferred();
      await using pair = await Pair.open<string>(transport, async function* () {
        try {
          for (;;) yield 'x'.repeat(1024);
        } finally {
          closed.resolve();
        }
      });
      const { context, signal } = await drops(pair, read);
      await eventuallyCollected('the request is over', () => pair.admission.running === 0);
      await closed.promise;
      expect(await pair.settled()).toMatchObject(CANCELLED);
      expect([context.isStopped, signal.aborted]).toEqual([false, false]);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });

    it('not of a stream of which only the promise of an item is held', async () => {
      const source = new ControlledSource<string>();
      await using pair = await Pair.open<string>(transport, () => source);
      const next = (await pair.call<string>(''))[Symbol.asyncIterator]().next();
      await eventually('the handler is asked', () => source.log.length === 1);
      for (let turn = 0; turn < 20; turn++) {
        collectGarbage();
        await new Promise((resolve) => setImmediate(resolve));
      }
      source.push('late');
      expect(await next).toMatchObject({ value: { data: 'late' } });
      await eventuallyCollected('the request is over', () => pair.admission.running === 0);
      expect(source.log.filter((step) => step === 'return')).toHaveLength(1);
    });

    it('not of a stream that came to its end', async () => {
      await using pair = await Pair.open<number>(transport, count);
      expect(await collect(await pair.call<number>(3))).toEqual([0, 1, 2]);
      for (let turn = 0; turn < 10; turn++) {
        collectGarbage();
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await pair.settled()).toMatchObject(ONE);
    });
  });

  describe('failures', () => {
    it('of the data: the caller is told before a stream begins', async () => {
      const schema = (value: unknown) => {
        if (typeof value !== 'string') throw new Error('not text');
        return value;
      };
      await using pair = await Pair.open<string>(transport, count as never, { schema });
      await expect(pair.call(7 as never)).rejects.toThrow('PROFILED_REMOTE_ERROR: PROFILED_MESSAGE_INVALID');
      expect(await pair.settled()).toMatchObject({ ...ONE, errors: { deserialization: 1 }, responseBytes: 0 });
    });

    it.each<[string, () => unknown]>([
      [
        'throws',
        () => {
          throw new Error('no luck');
        },
      ],
      ['rejects', () => Promise.reject(new Error('no luck'))],
    ])('of a handler that %s: likewise', async (_, handler) => {
      await using pair = await Pair.open(transport, handler);
      await expect(pair.call('')).rejects.toMatchObject({
        code: 'PROFILED_REMOTE_ERROR',
        message: 'PROFILED_REMOTE_ERROR: no luck',
      });
      expect(await pair.settled()).toMatchObject({ ...ONE, errors: { generate: 1 }, responseBytes: 0 });
    });

    it.each([0, 3])('of a stream after %d items: an error item, then an orderly end', async (n) => {
      await using pair = await Pair.open<string>(transport, async function* () {
        for (let i = 0; i < n; i++) yield i;
        throw new Error('midway');
      });
      expect(await collect(await pair.call(''))).toEqual([...Array(n).keys(), 'error: midway']);
      expect(await pair.settled()).toMatchObject({ ...ONE, errors: { generate: 1 } });
    });

    it('told by an error item: the handler may go on', async () => {
      await using pair = await Pair.open<string>(transport, async function* () {
        yield Annotated.fromError(new Error('one of them'));
        yield 'more';
        yield Annotated.fromError(new Error('another'));
      });
      expect(await collect(await pair.call(''))).toEqual(['error: one of them', 'more', 'error: another']);
      expect(await pair.settled()).toMatchObject({ ...ONE, errors: { generate: 1 } });
    });

    it('of an item that has no JSON form: the stream is seen to be cut', async () => {
      const log: string[] = [];
      await using pair = await Pair.open<string>(transport, async function* () {
        try {
          yield 'fine';
          yield { big: 1n };
          log.push('never');
        } finally {
          log.push('closed');
        }
      });
      expect(await collect(await pair.call(''))).toEqual(['fine', 'error: Stream ended before generation completed']);
      expect(await pair.settled()).toMatchObject({ ...ONE, errors: { publish_response: 1 } });
      expect(log).toEqual(['closed']);
    });

    it('of the worker itself, midway: the stream is seen to be cut', async () => {
      const source = new ControlledSource<string>();
      await using pair = await Pair.open<string>(transport, () => source);
      const stream = await pair.call<string>('');
      await eventually('the handler is asked', () => source.log.length === 1);
      source.push('first');
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      await pair.worker.response.client.close();
      expect(await iterator.next()).toMatchObject({
        value: {
          event: 'error',
          error: { error_type: 'Disconnected', message: 'Stream ended before generation completed' },
        },
      });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      await eventually('the handler is asked again', () => source.log.length === 2);
      source.push('for nobody');
      await pair.settled();
      expect(source.log.at(-1)).toBe('return');
    });
  });

  describe('admission', () => {
    it('refuses beyond the limit, and counts nothing', async () => {
      const source = new ControlledSource<string>();
      await using pair = await Pair.open<string>(transport, () => source, { maxConcurrentRequests: 1 });
      const first = await pair.call<string>('');
      await expect(pair.call('')).rejects.toMatchObject({
        code: 'PROFILED_REQUEST_REJECTED',
        message: expect.stringContaining('Server overloaded: worker at capacity') as string,
      });
      await eventually('the handler is asked', () => source.log.length === 1);
      source.finish();
      expect(await collect(first)).toEqual([]);
      expect(await pair.settled()).toMatchObject(ONE);
    });

    it('drains under load: running requests finish, new ones are refused', async () => {
      const gate = deferred();
      await using pair = await Pair.open<number>(transport, async function* (request) {
        yield 'begun';
        await gate.promise;
        yield request.data;
      });
      const streams = await Promise.all(Array.from({ length: 50 }, (_, i) => pair.call<number>(i)));
      const drained = pair.admission.drain();
      await expect(pair.call(50)).rejects.toThrow('Server unavailable: draining');
      gate.resolve();
      expect(await Promise.all(streams.map(collect))).toEqual(streams.map((_, i) => ['begun', i]));
      await drained;
      expect(await pair.settled()).toMatchObject({ ...ONE, requests: 50, ended: 50 });
    });

    it('after the deadline it stops what runs; a handler that ends by itself ends its stream in order', async () => {
      await using pair = await Pair.open<string>(transport, async function* (request) {
        yield 'begun';
        await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      });
      const stream = await pair.call('');
      const answer = collect(stream);
      await pair.admission.drain({ deadlineMs: 1 });
      expect(await answer).toEqual(['begun']);
      expect(await pair.settled()).toMatchObject(CANCELLED);
    });

    it('one that goes on is cut, and its consumer can tell', async () => {
      await using pair = await Pair.open<string>(transport, async function* (request) {
        yield 'begun';
        await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
        for (let i = 0; ; i++) yield i;
      });
      const answer = collect(await pair.call<unknown>(''));
      await pair.admission.drain({ deadlineMs: 1 });
      expect(await answer).toEqual(['begun', 0, 'error: Stream ended before generation completed']);
      expect(await pair.settled()).toMatchObject(CANCELLED);
    });

    it('one that throws because of it is cut, too', async () => {
      await using pair = await Pair.open<string>(transport, async function* (request) {
        yield 'begun';
        await new Promise((_, reject) => request.signal.addEventListener('abort', reject));
      });
      const answer = collect(await pair.call<unknown>(''));
      await pair.admission.drain({ deadlineMs: 1 });
      expect(await answer).toEqual(['begun', 'error: Stream ended before generation completed']);
      expect(await pair.settled()).toMatchObject(CANCELLED);
    });

    it('one that does not react is killed', async () => {
      await using pair = await Pair.open<string>(transport, async function* () {
        yield 'begun';
        await new Promise(() => {});
      });
      const answer = collect(await pair.call<unknown>(''));
      await pair.admission.drain({ deadlineMs: 1, stopGraceMs: 1 });
      expect((await answer).at(-1)).toBe('error: Stream ended before generation completed');
      expect(await pair.settled()).toMatchObject(CANCELLED);
    });
  });
}
