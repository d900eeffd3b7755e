import { connect } from '@nats-io/transport-node';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileDiscovery } from '../../../lib/discovery/file';
import { type Context, DistributedRuntime, health, Profiled } from '../../../lib/index';
import { deferred } from '../../../lib/internal/deferred';
import { freshRegistry } from '../../../lib/testing';
import { collect } from '../../conformance/harness';
import { eventually } from '../../support/eventually';
import { describeNats, NatsServer } from '../../support/nats-server';
import { readings } from '../../support/readings';

@Profiled('n', 'c', 'e')
class Counter {
  calls = 0;
  async *generate(request: Context<{ upTo: number; fail?: boolean }>) {
    this.calls += 1;
    for (let i = 0; i < request.data.upTo; i++) yield i;
    if (request.data.fail) throw new Error('no more');
  }
}

describeNats('a worker and a client over NATS and files', () => {
  let server: NatsServer;
  const runtimes: DistributedRuntime[] = [];
  const store = mkdtempSync(join(tmpdir(), 'profiled-nats-store-'));

  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(store, { recursive: true, force: true });
  });
  afterEach(() => Promise.all(runtimes.splice(0).map((runtime) => runtime.shutdown())));

  const open = async () => {
    const runtime = await DistributedRuntime.fromSettings({
      requestPlane: 'nats',
      discoveryBackend: 'file',
      fileStore: store,
      tcp: { host: '127.0.0.1' },
      nats: { server: server.url },
      client: { inhibitedMs: 0 },
    });
    runtimes.push(runtime);
    return runtime;
  };
  const openClient = async () => (await open()).endpoint('n.c.e').client<unknown, number>();

  test('random, in turn and direct; the record says where', async () => {
    const registry = freshRegistry();
    const workers = [new Counter(), new Counter()];
    const served = await Promise.all(workers.map(async (worker) => (await open()).serve(worker)));
    const client = await openClient();
    await eventually('both are known', () => client.instances.length === 2);
    for (const { instanceId, transport } of client.instances) {
      expect(transport).toEqual({ kind: 'nats_tcp', address: `n_c.e-${instanceId.toString(16)}` });
    }
    for (let i = 0; i < 10; i++) expect(await collect(await client.roundRobin({ upTo: 3 }))).toEqual([0, 1, 2]);
    expect(workers.map(({ calls }) => calls)).toEqual([5, 5]);
    await collect(await client.direct({ upTo: 0 }, served[1]!.instanceId));
    await collect(await client.random({ upTo: 1 }));
    expect(await readings(registry)).toMatchObject({ requests: 12, inflight: 0, ended: 12, errors: {} });
  });

  test('$SRV.STATS agrees with the metrics, and has what the statsHandler says', async () => {
    const registry = freshRegistry();
    const data = { slots: 4, next: 'soon' };
    let isBroken = false;
    const statsHandler = () => {
      if (isBroken) throw new Error('no statistics');
      return data;
    };
    const runtime = await open();
    const served = await runtime.serve(new Counter(), { statsHandler, maxConcurrentRequests: 1 });
    const other = { generate: async function* () {} };
    await runtime.endpoint('n.c.other').serve(other, { statsHandler: () => 1n });
    const client = await openClient();
    await client.waitForInstances();
    for (let i = 0; i < 4; i++) {
      await collect(await client.random({ upTo: 1 }));
      await eventually('it is over', () => served.running === 0);
    }
    await collect(await client.random({ upTo: 0, fail: true }));
    await eventually('it is over', () => served.running === 0);
    const held = await client.random({ upTo: 1e6 });
    await expect(client.random({ upTo: 1 })).rejects.toMatchObject({ code: 'PROFILED_REQUEST_REJECTED' });
    held.context.kill();
    await eventually('it is over', () => served.running === 0);

    const raw = await connect({ servers: server.url });
    const stats = async () => {
      const reply = await raw.request('$SRV.STATS.n_c', '', { timeout: 5_000 });
      return reply.json<{ endpoints: Record<string, unknown>[] }>().endpoints;
    };
    const { requests, durationSum } = await readings(registry);
    const [first, second] = await stats();
    expect(first).toEqual({
      name: expect.stringMatching(/^n_c-e-[0-9a-f]+$/),
      subject: served.address,
      queue_group: 'q',
      num_requests: requests + 1,
      num_errors: 2,
      last_error: 'worker at capacity',
      processing_time: expect.closeTo(durationSum * 1e9, -4),
      average_processing_time: expect.closeTo((durationSum * 1e9) / 7, -4),
      data,
    });
    expect(second).toMatchObject({ num_requests: 0, data: null });
    isBroken = true;
    expect((await stats())[0]).toMatchObject({ num_requests: 7, data: null });
    await raw.close();
  });

  test('a drain leaves discovery, refuses, lets what runs finish, and then the subject is free', async () => {
    const going = deferred();
    const worker = await open();
    const served = await worker.endpoint('n.c.e').serve(async function* () {
      yield 1;
      await going.promise;
      yield 2;
    });
    const client = await openClient();
    const [instance] = await client.waitForInstances();
    const running = (await client.random({}))[Symbol.asyncIterator]();
    expect((await running.next()).value.data).toBe(1);
    const stopped = served.stop();
    expect(health.report().endpoints.e).toBe('notready');
    const raw = await connect({ servers: server.url });
    const ask = async () => (await raw.request(instance!.transport.address, 'x', { timeout: 5_000 })).string();
    await eventually('it is out of discovery', () => client.instances.length === 0);
    expect(await ask()).toBe('Server unavailable: draining');
    going.resolve();
    expect((await running.next()).value.data).toBe(2);
    expect((await running.next()).done).toBe(true);
    await stopped;
    await expect(ask()).rejects.toThrow(/no responders/);
    await raw.close();
  });

  test('a request that is too large for the server fails by itself: nothing is counted, and the worker not avoided', async () => {
    const registry = freshRegistry();
    await (await open()).serve(new Counter());
    const client = await (await open()).endpoint('n.c.e').client<unknown, number>({ inhibitedMs: 60_000 });
    await client.waitForInstances();
    await expect(client.random({ upTo: 1, pad: 'x'.repeat(2 ** 20) })).rejects.toMatchObject({
      code: 'PROFILED_MESSAGE_INVALID',
      message: expect.stringContaining('max_payload of 1048576'),
    });
    expect(await collect(await client.random({ upTo: 1 }))).toEqual([0]);
    expect(await readings(registry)).toMatchObject({ requests: 1, errors: {} });
  });

  test('an instance that nobody stands for is refused at once, and avoided', async () => {
    const worker = await open();
    await worker.serve(new Counter());
    await using discovery = closing(new FileDiscovery({ root: store }));
    const ghost = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 1n };
    await discovery.register({ ...ghost, transport: { kind: 'nats_tcp', address: 'n_c.e-1' } });
    const client = await (await open()).endpoint('n.c.e').client({ inhibitedMs: 60_000 });
    await eventually('both are known', () => client.instances.length === 2);
    const outcomes: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      outcomes.push(await client.roundRobin({ upTo: 0 }).then(collect, ({ message }: Error) => message));
    }
    const refusal =
      'PROFILED_REQUEST_REJECTED: the worker refused the request: Server unavailable: nobody serves n_c.e-1';
    expect(outcomes).toEqual([refusal, [], [], [], [], []]);
  });
});

function closing(discovery: FileDiscovery): FileDiscovery & AsyncDisposable {
  return Object.assign(discovery, { [Symbol.asyncDispose]: () => discovery.close() });
}
