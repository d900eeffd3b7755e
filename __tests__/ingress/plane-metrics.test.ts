import { randomUUID } from 'node:crypto';
import { deferred } from '../../lib/internal/deferred';
import { unixNanos } from '../../lib/internal/clock';
import { Admission } from '../../lib/ingress/admission';
import { Ingress } from '../../lib/ingress/ingress';
import {
  type Naming,
  PLANE_CAPACITY_METRIC,
  PLANE_METRICS,
  PLANE_REFUSALS_METRIC,
  REFUSAL_REASONS,
} from '../../lib/metrics/names';
import { getRegistry, useRegistry } from '../../lib/metrics/store';
import type { Client } from '../../lib/runtime/client';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import type { Endpoint } from '../../lib/runtime/target';
import { freshRegistry, sample } from '../../lib/testing';
import { memoryRequestPlane, memoryResponsePlane } from '../../lib/transports/memory/planes';
import { encodeControlMessage } from '../../lib/wire/control-message';
import { decodeSendTime } from '../../lib/wire/send-time';
import { encodeTwoPart } from '../../lib/wire/two-part';
import { eventually } from '../support/eventually';

const CAPACITY = PLANE_CAPACITY_METRIC.name;
const TRANSIT = PLANE_METRICS.transit.name;
const FIRST = PLANE_METRICS.firstResponse.name;
const QUEUED = PLANE_METRICS.queued.name;
const ACTIVE = PLANE_METRICS.active.name;
const OVERLOADED = PLANE_METRICS.overloaded.name;
const UNAVAILABLE = PLANE_METRICS.unavailable.name;
const SECOND = 1_000_000_000n;

const value = (name: string) => sample(getRegistry(), name);
/** A standard metric of the one endpoint that matters here. */
const standard = (name: string) => sample(getRegistry(), name, { namespace: 'n', component: 'c', endpoint: 'e' });
const count = (name: string) => value(`${name}_count`);

const collect = async (stream: AsyncIterable<{ data?: unknown }>) => {
  const items: unknown[] = [];
  for await (const { data } of stream) items.push(data);
  return items;
};

let runtime: DistributedRuntime | undefined;
let endpoint: Endpoint;

const open = async (settings: Parameters<typeof DistributedRuntime.fromSettings>[0] = {}) => {
  await runtime?.shutdown();
  runtime = await DistributedRuntime.fromSettings({ requestPlane: 'memory', ...settings });
  endpoint = runtime.endpoint('n.c.e');
};

beforeEach(async () => {
  freshRegistry();
  await open();
});
afterEach(() => runtime?.shutdown());

const echo = async function* (request: { data: unknown }) {
  yield request.data;
};

/** Sends one request to `address` as some other client would: with these headers, and this stamp in its control message. */
async function send(address: string, headers: Record<string, string>, frontendSendTsNs?: bigint): Promise<void> {
  const [request, response] = [memoryRequestPlane(), memoryResponsePlane()];
  const id = randomUUID();
  const pending = await response.server.expect(id);
  const control = encodeControlMessage({
    id,
    requestType: 'single_in',
    responseType: 'many_out',
    connectionInfo: pending.connectionInfo,
    frontendSendTsNs,
  });
  await request.client.send(address, encodeTwoPart(control, '1'), headers);
  const receiver = await pending.connected;
  let frame = '';
  while (!frame.includes('sentinel')) frame = Buffer.from((await receiver.receive())!).toString();
  receiver.close();
  await response.server.close();
}

describe('before the first request', () => {
  it.each<[Naming, string]>([
    ['plain', ''],
    ['dynamo', 'dynamo_'],
  ])('everything is there at 0 under the %s naming', async (naming, prefix) => {
    await open({ metrics: { naming } });
    await endpoint.serve(echo);
    for (const { name, type } of Object.values(PLANE_METRICS)) {
      expect([name, await value(prefix + name + (type === 'histogram' ? '_count' : ''))]).toEqual([name, 0]);
    }
    for (const reason of REFUSAL_REASONS) {
      expect(await sample(getRegistry(), prefix + PLANE_REFUSALS_METRIC.name, { reason })).toBe(0);
    }
    expect(await value(prefix + CAPACITY)).toBeUndefined();
    await collect(await (await endpoint.client()).random(1));
    expect(await count(prefix + FIRST)).toBe(1);
    expect((await count((prefix ? '' : 'dynamo_') + FIRST)) ?? 0).toBe(0);
  });

  it('the naming of an ingress goes before that of the runtime', async () => {
    await endpoint.serve(Ingress.forEngine(echo, { naming: 'dynamo', prefix: 'svc_', labels: { a: 'b' } }));
    const client = await endpoint.client();
    await collect(await client.random(1));
    expect(await count(`dynamo_${FIRST}`)).toBe(1);
    expect(await count(FIRST)).toBe(0);
  });

  it('two endpoints share one set, and another registry gets its own', async () => {
    await endpoint.serve(echo);
    await runtime!.endpoint('n.c.other').serve(echo);
    const clients = [await endpoint.client(), await runtime!.endpoint('n.c.other').client()];
    for (const client of clients) await collect(await client.random(1));
    expect(await count(FIRST)).toBe(2);
    freshRegistry();
    expect(await count(FIRST)).toBe(0);
    await collect(await clients[0]!.random(1));
    expect(await count(FIRST)).toBe(1);
  });
});

describe('the network transit', () => {
  it.each<[string, (ns: bigint) => [Record<string, string>, bigint?]]>([
    ['the header', (ns) => [{ 'x-frontend-send-ts-ns': String(ns) }]],
    ['the control message', (ns) => [{}, ns]],
    ['both, the header first', (ns) => [{ 'x-frontend-send-ts-ns': String(ns) }, ns - 100n * SECOND]],
    ['the control message, beside a header that is none', (ns) => [{ 'x-frontend-send-ts-ns': 'soon' }, ns]],
  ])('is counted once, from the stamp in %s', async (_, stamp) => {
    const { address } = await endpoint.serve(echo);
    await send(address, ...stamp(unixNanos() - 20n * SECOND));
    expect(await count(TRANSIT)).toBe(1);
    const sum = (await value(`${TRANSIT}_sum`))!;
    expect(sum).toBeGreaterThanOrEqual(20);
    expect(sum).toBeLessThan(40);
  });

  it.each<[string, Record<string, string>, bigint | undefined]>([
    ['header', { 'x-frontend-send-ts-ns': String(2n ** 63n) }, undefined],
    ['control message', {}, 2n ** 63n],
  ])('is 0 when the clock of the sender runs ahead, in the %s', async (_, headers, stamp) => {
    const { address } = await endpoint.serve(echo);
    await send(address, headers, stamp);
    expect([await count(TRANSIT), await value(`${TRANSIT}_sum`)]).toEqual([1, 0]);
  });

  it.each(['', '-1', '1.5', '0x10', '1e9', '9'.repeat(21)])(
    'is not known without a stamp, nor from %j',
    async (text) => {
      const { address } = await endpoint.serve(echo);
      await send(address, {});
      await send(address, { 'x-frontend-send-ts-ns': text });
      expect(await count(TRANSIT)).toBe(0);
      expect(await count(FIRST)).toBe(2);
    },
  );

  it('is stamped by our own client, by the header and not in the payload', async () => {
    await endpoint.serve(echo);
    const client = await endpoint.client();
    await collect(await client.random(1));
    expect(await count(TRANSIT)).toBe(1);
    expect(await value(`${TRANSIT}_sum`)).toBeLessThan(5);
  });

  it('is read as a u64', () => {
    expect(decodeSendTime('18446744073709551615')).toBe(2n ** 64n - 1n);
    expect(decodeSendTime(undefined)).toBeUndefined();
  });

  it('is told by a clock in nanoseconds that is true to the wall clock', () => {
    const before = Date.now();
    const ns = unixNanos();
    expect(Number(ns / 1_000_000n)).toBeGreaterThanOrEqual(before);
    expect(Number(ns / 1_000_000n)).toBeLessThanOrEqual(Date.now() + 1);
    const spy = jest.spyOn(Date, 'now').mockReturnValue(before + 3_600_000);
    expect(Number(unixNanos() / 1_000_000n)).toBe(before + 3_600_000);
    spy.mockRestore();
    expect(Number(unixNanos() / 1_000_000n)).toBeLessThanOrEqual(Date.now() + 1);
  });
});

describe('the time to the first response', () => {
  it('ends with the prologue and not with the first item', async () => {
    const gate = deferred();
    await endpoint.serve(async function* () {
      await gate.promise;
      yield 1;
    });
    const stream = await (await endpoint.client()).random('x');
    expect(await count(FIRST)).toBe(1);
    gate.resolve();
    await collect(stream);
    expect(await count(FIRST)).toBe(1);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('does not know a handler that %s', async (_, handler) => {
    await endpoint.serve(handler);
    const client = await endpoint.client();
    await expect(client.random('x')).rejects.toMatchObject({ code: 'PROFILED_REMOTE_ERROR' });
    expect(await count(FIRST)).toBe(0);
  });
});

describe('what is under way', () => {
  it('is queued until it begins, and active until its connection is closed', async () => {
    const gate = deferred();
    const served = await endpoint.serve(async function* () {
      await gate.promise;
      yield 1;
    });
    const client = await endpoint.client();
    const { response, request } = { response: memoryResponsePlane(), request: memoryRequestPlane() };
    const ack = request.client.send(served.address, Buffer.from('rubbish'), {});
    expect([await value(QUEUED), await value(ACTIVE)]).toEqual([1, 0]);
    await ack;
    const stream = await client.random('x');
    await eventually('the rubbish is gone', () => served.running === 1);
    expect([await value(QUEUED), await value(ACTIVE)]).toEqual([0, 1]);
    gate.resolve();
    await collect(stream);
    await eventually('it is over', () => served.running === 0);
    expect([await value(QUEUED), await value(ACTIVE)]).toEqual([0, 0]);
    await response.server.close();
  });

  it('is taken off where it was put on, also when the registry changed meanwhile', async () => {
    const gate = deferred();
    const served = await endpoint.serve(async function* () {
      await gate.promise;
      yield 1;
    });
    const stream = await (await endpoint.client()).random('x');
    const before = getRegistry();
    freshRegistry();
    expect([await value(ACTIVE), await sample(before, ACTIVE)]).toEqual([0, 1]);
    gate.resolve();
    await collect(stream);
    await eventually('it is over', () => served.running === 0);
    expect([await value(ACTIVE), await sample(before, ACTIVE)]).toEqual([0, 0]);
  });

  it('stays when the registry is reset', async () => {
    const gate = deferred();
    await endpoint.serve(() => gate.promise, { maxConcurrentRequests: 4 });
    const call = (await endpoint.client()).random('x');
    await eventually('it has begun', async () => (await value(ACTIVE)) === 1);
    getRegistry().resetMetrics();
    expect([await value(ACTIVE), await value(CAPACITY)]).toEqual([1, 4]);
    gate.resolve();
    await collect(await call);
  });
});

describe('the limit', () => {
  /** Occupies the endpoint with one request, and sends one more. */
  async function overload(client: Client, gate: { resolve(value?: unknown): void }) {
    const first = client.random('x');
    await eventually('the first has begun', async () => (await value(ACTIVE)) === 1);
    const second = client.random('x');
    await expect(second).rejects.toThrow('Server overloaded: worker at capacity');
    expect([await value(OVERLOADED), await value(UNAVAILABLE), await value(CAPACITY)]).toEqual([1, 0, 1]);
    gate.resolve();
    await collect(await first);
  }

  afterEach(() => delete process.env.DYN_ENGINE_REQUEST_LIMIT);

  it('comes from the environment', async () => {
    process.env.DYN_ENGINE_REQUEST_LIMIT = '1';
    await open();
    const gate = deferred<unknown>();
    const served = await endpoint.serve(() => gate.promise, { maxConcurrentRequests: undefined });
    await overload(await endpoint.client(), gate);
    await eventually('it is over', () => served.running === 0);
    expect(await standard('requests_total')).toBe(1);
  });

  it('comes from the options, which go before the environment', async () => {
    process.env.DYN_ENGINE_REQUEST_LIMIT = '7';
    await open();
    const gate = deferred<unknown>();
    await endpoint.serve(() => gate.promise, { maxConcurrentRequests: 1 });
    await overload(await endpoint.client(), gate);
  });

  it.each([0, -1, NaN, 0.5])('can not be %d', async (maxConcurrentRequests) => {
    await expect(endpoint.serve(echo, { maxConcurrentRequests })).rejects.toThrow(
      'PROFILED_CONFIG_INVALID: `maxConcurrentRequests` must be a number of requests, 1 or more',
    );
  });

  it('is shown as a sum, moves with the registry, and goes with its endpoint', async () => {
    const served = await endpoint.serve(echo, { maxConcurrentRequests: 3 });
    await runtime!.endpoint('n.c.other').serve(echo, { maxConcurrentRequests: 4 });
    await runtime!.endpoint('n.c.free').serve(echo);
    const first = getRegistry();
    expect(await value(CAPACITY)).toBe(7);
    freshRegistry();
    expect(await value(CAPACITY)).toBe(7);
    expect(await sample(first, CAPACITY)).toBe(0);
    useRegistry(first);
    expect(await value(CAPACITY)).toBe(7);
    await served.stop();
    expect(await value(CAPACITY)).toBe(4);
  });

  it('is not shown of an endpoint that could not be served', async () => {
    await endpoint.serve(echo, { maxConcurrentRequests: 3 });
    await expect(endpoint.serve(echo, { maxConcurrentRequests: 4 })).rejects.toMatchObject({
      code: 'PROFILED_TARGET_INVALID',
    });
    expect(await value(CAPACITY)).toBe(3);
  });
});

describe('a drain', () => {
  afterEach(() => delete process.env.DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT);

  it('refuses what still comes, and counts it', async () => {
    const gate = deferred<unknown>();
    const served = await endpoint.serve(() => gate.promise);
    const client = await endpoint.client();
    const first = client.random('x');
    await eventually('it has begun', async () => (await value(ACTIVE)) === 1);
    const stopped = served.stop();
    await eventually('it has left discovery', () => client.instances.length === 0);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    const ack = await memoryRequestPlane().client.send(served.address, Buffer.from('late'), {});
    expect(Buffer.from(ack).toString()).toBe('Server unavailable: draining');
    expect([await value(UNAVAILABLE), await value(OVERLOADED)]).toEqual([1, 0]);
    gate.resolve(undefined);
    await collect(await first);
    await stopped;
    expect(await standard('requests_total')).toBe(1);
  });

  it.each<[string, string, object | undefined]>([
    ['the environment', '0', undefined],
    ['the environment, also when an option says undefined', '0', { deadlineMs: undefined }],
    ['an option, which goes before it', '1000', { deadlineMs: 0 }],
  ])('has its deadline from %s', async (_, seconds, options) => {
    process.env.DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT = seconds;
    await open();
    const served = await endpoint.serve(
      async function* (request) {
        yield 1;
        await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      },
      { drainDeadlineMs: undefined },
    );
    const items = collect(await (await endpoint.client()).random('x'));
    // Without that deadline the handler would run for half a minute and the test time out.
    await served.stop(options);
    expect(await standard('cancellation_total')).toBe(1);
    expect(await items).toEqual([1]);
  });

  it('may be given for ever', async () => {
    const gate = deferred<unknown>();
    const served = await endpoint.serve(() => gate.promise, { drainDeadlineMs: Infinity });
    const call = (await endpoint.client()).random('x');
    await eventually('it has begun', async () => (await value(ACTIVE)) === 1);
    const stopped = served.stop();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(served.running).toBe(1);
    gate.resolve('answer');
    expect(await collect(await call)).toEqual(['answer']);
    await stopped;
    expect(await standard('cancellation_total')).toBe(0);
  });
});

describe('without a runtime', () => {
  it('a door has to have metrics first', async () => {
    const admission = new Admission(Ingress.forEngine(echo), () => Promise.reject(new Error('no')));
    await expect(admission.accept(Buffer.of(), {})).rejects.toThrow('PROFILED_TARGET_INVALID');
  });

  it('payloads that are handed over by hand are counted as well', async () => {
    const ingress = Ingress.forEngine(echo).addMetrics({ namespace: 'n', component: 'c', endpoint: 'e' });
    const stamp = { 'x-frontend-send-ts-ns': String(unixNanos()) };
    await ingress.handlePayload(Buffer.from('rubbish'), () => Promise.reject(new Error('no')), stamp);
    expect([await count(TRANSIT), await count(FIRST), await value(QUEUED), await value(ACTIVE)]).toEqual([1, 0, 0, 0]);
  });
});
