import { deferred } from '../../lib/internal/deferred';
import { ProfiledError } from '../../lib/errors';
import { getRegistry } from '../../lib/metrics/store';
import { ControlledSource } from '../support/controlled-source';
import { eventually } from '../support/eventually';
import { readings } from '../support/readings';
import { collect, type Network, Pair, type TransportUnderTest } from './harness';

const CUT = 'error: Stream ended before generation completed';
const DONE = { inflight: 0, errors: {} };
/** For calls that are not to be answered. */
const SHORT = { ackTimeoutMs: 200, handshakeTimeoutMs: 200 };
/** What says that the worker is to blame, so that a client tries another one. */
const INSTANCE_FAILURE = /^PROFILED_(DISCONNECTED|TIMEOUT|REQUEST_REJECTED):/;

/** What both sides do when the network between them fails, and after that. */
export function faultsSuite(transport: TransportUnderTest): void {
  let network: Network;
  beforeEach(() => {
    network = transport.network();
  });
  afterEach(() => network[Symbol.asyncDispose]());

  describe('a connection of which only one half is left: nothing arrives, and nobody is told', () => {
    /** A stream whose first item has been read. */
    const begun = async (pair: Pair<string>, source: ControlledSource<string>, signal?: AbortSignal) => {
      const stream = await pair.call<string>('', { ...(signal && { signal }) });
      const iterator = stream[Symbol.asyncIterator]();
      await eventually('the handler is asked', () => source.log.length === 1);
      source.push('first');
      expect(await iterator.next()).toMatchObject({ value: { data: 'first' } });
      await eventually('the handler is asked again', () => source.log.length === 2);
      return iterator;
    };

    it('a request fails in time; one that arrives late is cancelled; the next one is answered', async () => {
      await using pair = await Pair.open<string>(network, async function* ({ data, signal }) {
        if (data === 'late') await new Promise((resolve) => signal.addEventListener('abort', resolve));
        yield data;
      });
      expect(await collect(await pair.call('first'))).toEqual(['first']);
      network.stall();
      await expect(pair.call('late', {}, SHORT)).rejects.toMatchObject({ code: 'PROFILED_TIMEOUT' });
      network.resume();
      expect(await collect(await pair.call('next'))).toEqual(['next']);
      await eventually('the late one has come', async () => (await readings(getRegistry())).requests === 3);
      expect(await pair.settled()).toMatchObject({ ...DONE, requests: 3, ended: 3, cancellations: 1 });
    });

    it('a caller leaves its stream at once; the worker hears of it when it can', async () => {
      const source = new ControlledSource<string>();
      await using pair = await Pair.open<string>(network, () => source);
      const abort = new AbortController();
      const iterator = await begun(pair, source, abort.signal);
      network.stall();
      const next = iterator.next();
      abort.abort();
      await expect(next).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
      expect(await readings(getRegistry())).toMatchObject({ inflight: 1, cancellations: 0 });
      network.resume();
      expect(await pair.settled()).toMatchObject({ ...DONE, requests: 1, ended: 1, cancellations: 1 });
      expect(source.log).toEqual(['next', 'next', 'return']);
    });

    it('a worker drains; the caller sees the cut when it can', async () => {
      const source = new ControlledSource<string>();
      await using pair = await Pair.open<string>(network, () => source);
      const iterator = await begun(pair, source);
      network.stall();
      await pair.admission.drain({ deadlineMs: 1, stopGraceMs: 1 });
      expect(await pair.settled()).toMatchObject({ ...DONE, requests: 1, ended: 1, cancellations: 1 });
      network.resume();
      expect(await collect({ [Symbol.asyncIterator]: () => iterator })).toEqual([CUT]);
    });

    it('what was only held up arrives in order', async () => {
      const source = new ControlledSource<string>();
      await using pair = await Pair.open<string>(network, () => source);
      const iterator = await begun(pair, source);
      network.stall();
      for (let i = 2; i < 12; i++) {
        source.push(`${i}`);
        await eventually('the handler goes on', () => source.log.length > i);
      }
      source.finish();
      network.resume();
      const rest = await collect({ [Symbol.asyncIterator]: () => iterator });
      expect(rest).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 2}`));
      expect(await pair.settled()).toMatchObject({ ...DONE, requests: 1, ended: 1, cancellations: 0 });
    });
  });

  describe('a network that breaks, and comes back', () => {
    const answered = async (pair: Pair<string>) => {
      try {
        return (await collect(await pair.call('hello', {}, SHORT)))[0] === 'hello';
      } catch (error) {
        expect(String(ProfiledError.from(error).message)).toMatch(INSTANCE_FAILURE);
        return false;
      }
    };

    it('calls fail in time while nothing is reached, and are answered after that, again and again', async () => {
      await using pair = await Pair.open<string>(network, async function* ({ data }) {
        yield data;
      });
      for (let round = 0; round < 5; round++) {
        await eventually('a call is answered', () => answered(pair));
        await network.down();
        await expect(pair.call('nobody hears', {}, SHORT)).rejects.toThrow(INSTANCE_FAILURE);
        await network.up();
      }
      await eventually('a call is answered', () => answered(pair));
      expect(await pair.settled()).toMatchObject(DONE);
    });

    it('streams under way are seen to be cut, by both sides, and new ones begin', async () => {
      const closed = new Set<string>();
      const all = deferred();
      await using pair = await Pair.open<string>(network, async function* ({ data, signal }) {
        try {
          yield data === 'hello' ? data : 'begun';
          if (data === 'hello') return;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          closed.add(data);
          if (closed.size === 10) all.resolve();
        }
      });
      const streams = await Promise.all(Array.from({ length: 10 }, (_, i) => pair.call<string>(`${i}`)));
      const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
      for (const iterator of iterators) expect(await iterator.next()).toMatchObject({ value: { data: 'begun' } });
      await network.down();
      for (const iterator of iterators) {
        expect(await collect({ [Symbol.asyncIterator]: () => iterator })).toEqual([CUT]);
      }
      await all.promise;
      expect(await pair.settled()).toMatchObject({ ...DONE, requests: 10, ended: 10, cancellations: 10 });
      await network.up();
      await eventually('a call is answered', () => answered(pair));
    });
  });
}
