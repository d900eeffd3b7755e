import { CustomMetric } from '../../decorators/custom-metric';
import { Profiled } from '../../decorators/profiled';
import { Context, type SingleIn } from '../../lib/engine/context';
import { deferred } from '../../lib/internal/deferred';
import { Ingress } from '../../lib/ingress/ingress';
import { getRegistry } from '../../lib/metrics/store';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import { parseEndpointPath } from '../../lib/runtime/names';
import { health } from '../../lib/server/health';
import { freshRegistry, sample } from '../../lib/testing';
import { ControlledSource } from '../support/controlled-source';
import { eventually } from '../support/eventually';
import { readings } from '../support/readings';

const collect = async (stream: AsyncIterable<{ data?: unknown }>) => {
  const items: unknown[] = [];
  for await (const { data } of stream) items.push(data);
  return items;
};

let runtime: DistributedRuntime;

beforeEach(async () => {
  freshRegistry();
  runtime = await DistributedRuntime.fromSettings({ requestPlane: 'memory' });
});
afterEach(() => runtime.shutdown());

describe('addresses', () => {
  it.each([
    ['n.c.e', ['n', 'c', 'e']],
    ['dyn://n.c.e', ['n', 'c', 'e']],
    ['a.b.c.d', ['a.b', 'c', 'd']],
    ['my-ns.My_Comp.myendpoint4598', ['my-ns', 'My_Comp', 'myendpoint4598']],
  ])('%s is read', (path, [namespace, component, endpoint]) => {
    expect(parseEndpointPath(path)).toEqual({ namespace, component, endpoint });
    expect(runtime.endpoint(path).path).toBe(path.replace('dyn://', ''));
  });

  it.each(['', 'n', 'n.c', 'n..e', '.c.e', 'n.c.', 'n.c.é', 'n/c/e', 'a..b.c.d', undefined])(
    '%j is refused',
    (path) => {
      expect(() => runtime.endpoint(path as string)).toThrow('PROFILED_TARGET_INVALID');
    },
  );

  it('names are checked at their level', () => {
    expect(() => runtime.namespace('')).toThrow('`namespace` must match');
    expect(() => runtime.namespace('n').component('a.b')).toThrow('`component` must match');
    expect(() => runtime.namespace('n').component('c').endpoint('e/f')).toThrow('`endpoint` must match');
  });

  it('each level makes metrics with its labels', async () => {
    const component = runtime.namespace('n').component('c');
    runtime.metrics.createCounter('at_runtime_total', 'help').inc();
    runtime.namespace('n').metrics.createCounter('at_namespace_total', 'help').inc(2);
    component.metrics.createCounter('at_component_total', 'help').inc(3);
    component.endpoint('e').metrics.createCounter('at_endpoint_total', 'help').inc(4);
    const text = await getRegistry().metrics();
    expect(text).toContain('at_runtime_total 1');
    expect(text).toContain('at_namespace_total{namespace="n"} 2');
    expect(text).toContain('at_component_total{component="c",namespace="n"} 3');
    expect(text).toContain('at_endpoint_total{component="c",endpoint="e",namespace="n"} 4');
  });
});

describe('serving', () => {
  it('a decorated handler takes its address from the decorator, and is counted once', async () => {
    @Profiled('ns', 'decorated', 'generate', { labels: { model: 'm' } })
    class Handler {
      @CustomMetric({
        type: 'counter',
        name: 'letters_total',
        help: 'Letters',
        value: ({ request }) => (request as string).length,
      })
      async *generate(request: SingleIn<string>) {
        yield* request.data;
      }
    }
    const served = await runtime.serve(new Handler());
    expect(served.endpoint.path).toBe('ns.decorated.generate');
    const client = await served.endpoint.client<string, string>();
    expect(await collect(await client.random('abc'))).toEqual(['a', 'b', 'c']);
    const labels = { namespace: 'ns', component: 'decorated', endpoint: 'generate' };
    expect(await readings(getRegistry(), labels)).toMatchObject({ requests: 1, ended: 1, inflight: 0 });
    expect(await sample(getRegistry(), 'requests_total', { ...labels, model: 'm' })).toBe(1);
    expect(await sample(getRegistry(), 'letters_total', labels)).toBe(3);
  });

  it('an undecorated handler needs an endpoint', async () => {
    await expect(runtime.serve({ generate: () => 1 })).rejects.toThrow(
      'PROFILED_HANDLER_INVALID: `runtime.serve(handler)` takes the address from the decorator',
    );
    await expect(runtime.serve(undefined as never)).rejects.toMatchObject({ code: 'PROFILED_HANDLER_INVALID' });
    const { address, instanceId } = await runtime.endpoint('n.c.bare').serve(({ data }) => data);
    expect(address).toContain(`/${instanceId.toString(16)}/n/c/bare`);
  });

  it('a builder without a handler says what is missing', async () => {
    await expect(runtime.endpoint('n.c.e').endpointBuilder().start()).rejects.toThrow('call `.handler(ingress)` first');
  });

  it('an endpoint is served once by a runtime, and again after it was stopped', async () => {
    const endpoint = runtime.endpoint('n.c.once');
    const served = await endpoint.serve(() => 1);
    await expect(endpoint.serve(() => 2)).rejects.toMatchObject({ code: 'PROFILED_TARGET_INVALID' });
    await served.stop();
    await endpoint.serve(() => 2);
    expect(await collect(await (await endpoint.client()).random('x'))).toEqual([2]);
  });

  it('health follows it', async () => {
    const status = () => health.report().endpoints['with-health'];
    expect(status()).toBeUndefined();
    const served = await runtime.endpoint('n.c.with-health').serve(() => 1);
    expect(status()).toBe('ready');
    await served.stop();
    expect(status()).toBe('notready');
  });

  it("the runtime's naming holds, with a worker id, unless the ingress has one of its own", async () => {
    await using dynamo = await DistributedRuntime.fromSettings({
      requestPlane: 'memory',
      metrics: { naming: 'dynamo' },
    });
    const { instanceId } = await dynamo.endpoint('n.c.e').serve(() => 1);
    await dynamo.endpoint('n.c.plain').serve(
      Ingress.forEngine(() => 1, { naming: 'plain' }),
      { labels: { model: 'm' } },
    );
    const labels = { dynamo_namespace: 'n', dynamo_component: 'c', dynamo_endpoint: 'e' };
    const name = 'dynamo_component_requests_total';
    expect(await sample(getRegistry(), name, { ...labels, worker_id: instanceId.toString(16) })).toBe(0);
    const plain = { namespace: 'n', component: 'c', endpoint: 'plain', model: 'm' };
    expect(await sample(getRegistry(), 'requests_total', plain)).toBe(0);
  });
});

describe('a client', () => {
  it('waits for an instance, and sees it come and go', async () => {
    const endpoint = runtime.endpoint('n.c.late');
    const client = await endpoint.client();
    expect(client.instances).toEqual([]);
    await expect(client.random(1)).rejects.toMatchObject({ code: 'PROFILED_NO_INSTANCES' });
    const waiting = client.waitForInstances();
    const served = await endpoint.serve(() => 1);
    expect((await waiting).map(({ instanceId }) => instanceId)).toEqual([served.instanceId]);
    await served.stop();
    await eventually('it is gone', () => client.instances.length === 0);
  });

  it('gives a wait up', async () => {
    const client = await runtime.endpoint('n.c.never').client();
    await expect(client.waitForInstances({ timeoutMs: 1 })).rejects.toMatchObject({ code: 'PROFILED_TIMEOUT' });
    const reason = new Error('enough');
    await expect(client.waitForInstances({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const waiting = client.waitForInstances();
    client.close();
    await expect(waiting).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(client.roundRobin(1)).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
  });

  it('goes round, at random, or to the one it is told', async () => {
    await using second = await DistributedRuntime.fromSettings({ requestPlane: 'memory' });
    const serve = (on: DistributedRuntime, name: string) => on.endpoint('n.c.many').serve(() => name);
    const ids = [(await serve(runtime, 'first')).instanceId, (await serve(second, 'second')).instanceId];
    const client = await runtime.endpoint('n.c.many').client();
    const answer = async (stream: Promise<AsyncIterable<{ data?: unknown }>>) => (await collect(await stream))[0];
    const round = [];
    for (let i = 0; i < 4; i++) round.push(await answer(client.roundRobin(1)));
    expect(round).toEqual([round[0], round[1], round[0], round[1]]);
    expect(new Set(round)).toEqual(new Set(['first', 'second']));
    expect(await answer(client.direct(1, ids[0]!))).toBe('first');
    expect(await answer(client.direct(1, ids[1]!))).toBe('second');
    expect(['first', 'second']).toContain(await answer(client.random(1)));
    await expect(client.direct(1, 5n)).rejects.toThrow('instance 5 (bigint) of n.c.many is not known');
  });

  it('refuses a request that has no JSON form, before anything is sent', async () => {
    const endpoint = runtime.endpoint('n.c.json');
    await endpoint.serve(() => 1);
    const client = await endpoint.client();
    await expect(client.random({ id: 1n })).rejects.toMatchObject({ code: 'PROFILED_MESSAGE_INVALID' });
    const labels = { namespace: 'n', component: 'c', endpoint: 'json' };
    expect(await sample(getRegistry(), 'requests_total', labels)).toBe(0);
  });

  it('refuses limits that are none', async () => {
    const expected = 'a number of milliseconds above 0, at most 2147483647 (24 days)';
    const endpoint = runtime.endpoint('n.c.e');
    for (const ms of [0, -1, NaN, Infinity, 2 ** 31, '5']) {
      for (const name of ['ackTimeoutMs', 'handshakeTimeoutMs', 'firstFrameTimeoutMs']) {
        await expect(endpoint.client({ [name]: ms })).rejects.toThrow(
          `PROFILED_CONFIG_INVALID: \`${name}\` must be ${expected}, got ${ms}`,
        );
      }
    }
    const client = await endpoint.client({ ackTimeoutMs: 2 ** 31 - 1 });
    await expect(client.waitForInstances({ timeoutMs: 2 ** 31 })).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
    });
    await expect(client.waitForInstances({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'PROFILED_TIMEOUT' });
  });

  it('passes the context of one handler on to another', async () => {
    const source = new ControlledSource<string>();
    const seen: string[] = [];
    await runtime.endpoint('n.c.inner').serve(({ id, metadata }) => {
      seen.push(id, metadata.tenant!);
      return source;
    });
    const inner = await runtime.endpoint('n.c.inner').client<string, string>();
    await runtime
      .endpoint('n.c.outer')
      .serve(async (request: SingleIn<string>) => inner.random('x', { context: request }));
    const outer = await runtime.endpoint('n.c.outer').client<string, string>();
    const context = new Context(undefined, { id: 'one', metadata: { tenant: 't' } });
    await outer.random('x', { context });
    await eventually('the inner handler is asked', () => source.log.length === 1);
    context.kill();
    await eventually('the inner handler is closed', () => source.log.includes('return'));
    expect(seen).toEqual(['one', 't']);
  });
});

describe('shutdown', () => {
  it('lets running requests finish, once, and refuses everything after', async () => {
    const gate = deferred();
    const endpoint = runtime.endpoint('n.c.slow');
    const served = await endpoint.serve(async function* () {
      yield 1;
      await gate.promise;
      yield 2;
    });
    const client = await endpoint.client();
    const answer = collect(await client.random('x'));
    await eventually('the request runs', () => served.running === 1);
    const shutdown = runtime.shutdown();
    expect(runtime.shutdown()).toBe(shutdown);
    await expect(endpoint.serve(() => 1)).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(endpoint.client()).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await eventually('it has left discovery', () => client.instances.length === 0);
    gate.resolve();
    expect(await answer).toEqual([1, 2]);
    await shutdown;
    expect(served.running).toBe(0);
    await expect(client.random('x')).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
  });

  it('ends the system server that it was told to start', async () => {
    await using own = await DistributedRuntime.fromSettings({
      requestPlane: 'memory',
      system: { enabled: true, port: 0, host: '127.0.0.1' },
    });
    expect(own.systemServerInfo()).toMatchObject({ hostname: '127.0.0.1', port: expect.any(Number) as number });
    await own.shutdown();
    expect(own.systemServerInfo()).toBeUndefined();
  });

  it('reports wrong settings all at once', async () => {
    const wrong = DistributedRuntime.fromSettings({
      requestPlane: 'pigeon' as never,
      metrics: { naming: 'odd' as never },
    });
    await expect(wrong).rejects.toMatchObject({ code: 'PROFILED_CONFIG_INVALID' });
    await expect(wrong).rejects.toThrow(/pigeon[\s\S]*odd|odd[\s\S]*pigeon/);
  });
});
