import {
  DistributedRuntime,
  health,
  type Client,
  type ProfiledError,
  Context,
  type DeepPartial,
  type Settings,
} from '../../../lib/index';
import type { NatsOptions } from '../../../lib/transports/nats/options';
import { natsRequestPlane } from '../../../lib/transports/nats/planes';
import type { RequestPlane } from '../../../lib/transports/transport';
import { freshRegistry } from '../../../lib/testing';
import { collect } from '../../conformance/harness';
import { watchDialed } from '../../support/dialed';
import { eventually } from '../../support/eventually';
import { describeNats, NatsServer } from '../../support/nats-server';
import { readings } from '../../support/readings';

const dialed = watchDialed();
const planes: RequestPlane[] = [];
const open = (options: NatsOptions) => {
  const plane = natsRequestPlane(options);
  planes.push(plane);
  return plane;
};
const closeAll = () => Promise.all(planes.splice(0).flatMap(({ server, client }) => [server.close(), client.close()]));
afterEach(closeAll);

const TARGET = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 1n };
const ACK_LIMIT_MS = 3_000;
/** What a call may take beyond its limits on a busy machine. */
const GRACE_MS = 4_000;

/** What a caller may hear of an outage. */
const LOSSES = ['PROFILED_DISCONNECTED', 'PROFILED_REQUEST_REJECTED', 'PROFILED_TIMEOUT'];

/** What became of a call: its id and its items, or its error. */
interface Outcome {
  readonly id: string;
  readonly items?: unknown[];
  readonly error?: ProfiledError;
  readonly ms: number;
}

/** A worker and a client in this process, on connections of their own. */
class Cluster implements AsyncDisposable {
  readonly seen: string[] = [];
  readonly registry = freshRegistry();
  worker!: DistributedRuntime;
  client!: Client<number, number>;
  readonly #runtimes: DistributedRuntime[] = [];

  static async open(server: NatsServer, nats: DeepPartial<Settings['nats']> = {}): Promise<Cluster> {
    const cluster = new Cluster();
    const open = async () => {
      const runtime = await DistributedRuntime.fromSettings({
        requestPlane: 'nats',
        discoveryBackend: 'mem',
        tcp: { host: '127.0.0.1' },
        nats: { server: server.url, ackTimeoutMs: ACK_LIMIT_MS, ...nats },
        client: { inhibitedMs: 0 },
      });
      cluster.#runtimes.push(runtime);
      return runtime;
    };
    cluster.worker = await open();
    await cluster.worker.endpoint('n.c.e').serve(async function* (request: Context<number>) {
      cluster.seen.push(request.id);
      for (let i = 0; i < request.data; i++) yield i;
    });
    cluster.client = await (await open()).endpoint('n.c.e').client<number, number>();
    await cluster.client.waitForInstances();
    // From here on both have a connection that can be lost.
    await cluster.call();
    return cluster;
  }

  async call(): Promise<Outcome> {
    const context = new Context(undefined);
    const start = performance.now();
    const outcome = await this.client.random(3, { context }).then(
      async (stream) => ({ items: await collect(stream) }),
      (error: unknown) => ({ error: error as ProfiledError }),
    );
    return { ...outcome, id: context.id, ms: performance.now() - start };
  }

  get status(): string | undefined {
    return health.report().endpoints.e;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#runtimes.map((runtime) => runtime.shutdown({ deadlineMs: 0 })));
  }
}

describeNats('a NATS server that goes away', () => {
  let server: NatsServer;
  beforeEach(async () => {
    server = await NatsServer.start();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('is told of in health, and all is as before when it is back', async () => {
    await using cluster = await Cluster.open(server);
    expect(cluster.status).toBe('ready');
    for (let round = 0; round < 2; round++) {
      await server.kill();
      await eventually('the worker says so', () => cluster.status === 'notready');
      await server.restart();
      await eventually('the worker is back', () => cluster.status === 'ready');
      expect(await cluster.call()).toMatchObject({ items: [0, 1, 2] });
    }
    expect(await readings(cluster.registry)).toMatchObject({ requests: 3, inflight: 0, errors: {} });
  });

  it('keeps a request waiting that comes meanwhile, and it arrives once', async () => {
    await using cluster = await Cluster.open(server, { ackTimeoutMs: 10_000 });
    await server.kill();
    await eventually('the worker says so', () => cluster.status === 'notready');
    const calls = Array.from({ length: 20 }, () => cluster.call());
    await server.restart();
    for (const { items, error } of await Promise.all(calls)) {
      // The client may be back before the worker is.
      if (error) expect(error.message).toMatch(/nobody serves n_c\.e-/);
      else expect(items).toEqual([0, 1, 2]);
    }
    expect(new Set(cluster.seen).size).toBe(cluster.seen.length);
  });

  it('gives a clear error to one that it does not come back for', async () => {
    await using cluster = await Cluster.open(server, { ackTimeoutMs: 10_000 });
    await server.kill();
    await eventually('the worker says so', () => cluster.status === 'notready');
    const { error, ms } = await cluster.call();
    expect(error).toMatchObject({
      code: 'PROFILED_DISCONNECTED',
      message: expect.stringMatching(
        /no connection to the NATS server for 5000 ms: .*127\.0\.0\.1:\d+.*(refused|ECONN)/,
      ),
    });
    expect(ms).toBeLessThan(5_000 + GRACE_MS);
    expect(cluster.seen).toHaveLength(1);
  });

  it('loses no count and answers every caller when it is killed and restarted under load', async () => {
    await using cluster = await Cluster.open(server);
    const outcomes: Outcome[] = [];
    let isOver = false;
    const caller = async () => {
      while (!isOver) outcomes.push(await cluster.call());
    };
    const callers = Array.from({ length: 20 }, caller);
    for (let round = 1; round <= 3; round++) {
      await eventually('calls succeed', () => outcomes.filter(({ error }) => !error).length > 100 * round);
      await server.kill();
      const failed = outcomes.length;
      await server.restart();
      await eventually('calls succeed again', () => outcomes.slice(failed).some(({ error }) => !error));
    }
    isOver = true;
    await Promise.all(callers);
    const { requests, ended, inflight } = await eventuallyIdle(cluster);
    const answered = outcomes.filter(({ error }) => !error);
    for (const { items } of answered) expect(items).toEqual([0, 1, 2]);
    for (const { error, ms } of outcomes) {
      if (error) expect(LOSSES).toContain(error.code);
      expect(ms).toBeLessThan(ACK_LIMIT_MS + GRACE_MS);
    }
    // Each request ran once at most, and was counted then; one that has an answer ran. The others' acknowledgement was lost, or they were.
    const [first, ...seen] = cluster.seen;
    expect(new Set(seen).size).toBe(seen.length);
    expect({ first, requests, ended, inflight }).toEqual({
      first: expect.any(String),
      requests: cluster.seen.length,
      ended: requests,
      inflight: 0,
    });
    expect(seen).toEqual(expect.arrayContaining(answered.map(({ id }) => id)));
    const all = new Set(outcomes.map(({ id }) => id));
    expect(seen.filter((id) => !all.has(id))).toEqual([]);
  }, 60_000);

  it('may be frozen for 5 seconds: what was asked meanwhile is answered, once', async () => {
    await using cluster = await Cluster.open(server, { ackTimeoutMs: 10_000 });
    await server.freeze();
    const calls = Array.from({ length: 50 }, () => cluster.call());
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    server.signal('SIGCONT');
    for (const { items } of await Promise.all(calls)) expect(items).toEqual([0, 1, 2]);
    expect(new Set(cluster.seen).size).toBe(51);
    expect(await eventuallyIdle(cluster)).toMatchObject({ requests: 51, inflight: 0, errors: {}, cancellations: 0 });
  });

  it('is given up when it does not answer, whatever waits to be sent to it', async () => {
    const plane = open({ server: server.url, pingIntervalMs: 500, connectTimeoutMs: 1_000 });
    const served = await plane.server.serve(TARGET, async () => new Uint8Array());
    const states: boolean[] = [];
    served.onReachable!((isReachable) => states.push(isReachable));
    await server.freeze();
    // More than the buffers of the kernel hold.
    const sent = Array.from({ length: 40 }, () => plane.client.send(served.address, Buffer.alloc(2 ** 20 - 100), {}));
    for (const outcome of await Promise.allSettled(sent)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'PROFILED_DISCONNECTED' } });
    }
    expect(states).toEqual([false]);
    const late = plane.client.send(served.address, new Uint8Array(), {});
    await expect(late).rejects.toMatchObject({
      message: expect.stringMatching(
        /no connection to the NATS server for 1000 ms: (it does not answer|.*does not answer within 1000 ms)/,
      ),
    });
    server.signal('SIGCONT');
    await eventually('it is back', () => states.length === 2);
    // The server may still have the subscription of the connection that was given up, and send the first ones there.
    await eventually('it answers', () => isAcknowledged(plane, served.address));
    await closeAll();
    await eventually('no socket is left', () => dialed() === 0);
  });

  it('is tried for ever, also while it refuses the credentials', async () => {
    const config = 'authorization { user: "u", password: "p" }';
    await using locked = await NatsServer.start(config);
    await using cluster = await Cluster.open(locked, { username: 'u', password: 'p' });
    await locked.kill();
    await locked.restart('authorization { user: "u", password: "other" }');
    await eventually('it was refused', () => /authentication error/i.test(locked.log));
    expect(cluster.status).toBe('notready');
    const { error } = await cluster.call();
    expect(error?.message).toMatch(/PROFILED_(DISCONNECTED|TIMEOUT)/);
    await locked.kill();
    await locked.restart(config);
    await eventually('the worker is back', () => cluster.status === 'ready');
    expect(await cluster.call()).toMatchObject({ items: [0, 1, 2] });
  });
});

describeNats('a NATS server that was never there', () => {
  it('is named, and can be used once it is', async () => {
    const server = await NatsServer.start();
    await server.kill();
    const plane = open({ server: server.url });
    const accept = async () => new Uint8Array();
    const code = 'PROFILED_DISCONNECTED';
    const message = expect.stringMatching(
      /the NATS server at 127\.0\.0\.1:\d+ \(NATS_SERVER\) can not be used: .*ECONNREFUSED/,
    );
    await expect(plane.server.serve(TARGET, accept)).rejects.toMatchObject({ code, message });
    await expect(plane.client.send('n_c.e-1', new Uint8Array(), {})).rejects.toMatchObject({ code, message });
    await server.restart();
    const { address } = await plane.server.serve(TARGET, accept);
    expect(await plane.client.send(address, new Uint8Array(), {})).toHaveLength(0);
    await server[Symbol.asyncDispose]();
  });

  it('leaves nothing open when it takes connections and says nothing', async () => {
    await using server = await NatsServer.start();
    await server.freeze();
    const plane = open({ server: server.url, connectTimeoutMs: 200 });
    await expect(plane.client.send('a.b', new Uint8Array(), {})).rejects.toMatchObject({
      message: expect.stringContaining('it does not answer within 200 ms'),
    });
    const closing = open({ server: server.url, connectTimeoutMs: 60_000 });
    const sent = expect(closing.client.send('a.b', new Uint8Array(), {})).rejects.toMatchObject({
      code: 'PROFILED_SHUTDOWN',
    });
    await closeAll();
    await sent;
    await eventually('no socket is left', () => dialed() === 0);
    server.signal('SIGCONT');
  });

  it('is passed over for the next one of the list', async () => {
    await using server = await NatsServer.start();
    const gone = await NatsServer.start();
    await gone[Symbol.asyncDispose]();
    const plane = open({ server: `${gone.url}, ${server.url}` });
    const { address } = await plane.server.serve(TARGET, async () => new Uint8Array());
    expect(await plane.client.send(address, new Uint8Array(), {})).toHaveLength(0);
  });
});

async function isAcknowledged(plane: RequestPlane, address: string): Promise<boolean> {
  const signal = AbortSignal.timeout(1_000);
  const ack = await plane.client.send(address, new Uint8Array(), {}, { signal }).catch(() => undefined);
  return ack?.length === 0;
}

async function eventuallyIdle(cluster: Cluster) {
  await eventually('all requests are over', async () => (await readings(cluster.registry)).inflight === 0);
  return readings(cluster.registry);
}
