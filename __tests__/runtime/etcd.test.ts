import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import { freshRegistry } from '../../lib/testing';
import { compileLib, type Running, runNode, startNode } from '../support/child';
import { describeEtcd, EtcdServer } from '../support/etcd-server';
import { eventually } from '../support/eventually';
import { ask } from '../support/http';
import { TcpProxy } from '../support/tcp-proxy';

const lib = compileLib();
const PATH = 'n.c.generate';
const TTL = { ETCD_LEASE_TTL: '3' };

/** A worker process: its first line has the port of its system server and its instance's id. It ends with its input. */
function startWorker(endpoints: string): Running {
  const program = `
    const { DistributedRuntime } = require(${JSON.stringify(join(lib, 'runtime/distributed-runtime.js'))});
    (async () => {
      const runtime = await DistributedRuntime.fromSettings();
      const served = await runtime.endpoint('${PATH}').serve({
        async *generate({ data }) { yield data; yield process.pid; },
      });
      console.log(JSON.stringify({ port: runtime.systemServerInfo().port, id: String(served.instanceId) }));
      process.stdin.on('end', () => runtime.shutdown()).resume();
    })();`;
  return startNode(program, {
    DYN_DISCOVERY_BACKEND: 'etcd',
    DYN_TCP_RPC_HOST: '127.0.0.1',
    DYN_SYSTEM_PORT: '0',
    DYN_SYSTEM_HOST: '127.0.0.1',
    DYN_METRICS_NAMING: 'dynamo',
    DYN_LOG: 'warn',
    ETCD_ENDPOINTS: endpoints,
    ...TTL,
  });
}

describeEtcd('workers and clients that find each other through etcd', () => {
  let server: EtcdServer;
  let runtime: DistributedRuntime;
  const workers: Running[] = [];

  beforeEach(async () => {
    freshRegistry();
    server = await EtcdServer.start();
    runtime = await DistributedRuntime.fromSettings({
      discoveryBackend: 'etcd',
      etcd: { endpoints: server.url, leaseTtlMs: 3_000 },
      tcp: { host: '127.0.0.1' },
      client: { inhibitedMs: 0 },
    });
  });
  afterEach(async () => {
    await runtime.shutdown();
    for (const worker of workers.splice(0)) worker.kill('SIGKILL');
    await server.stop();
  });

  const start = async (endpoints = server.url) => {
    const worker = startWorker(endpoints);
    workers.push(worker);
    const { port, id } = JSON.parse(await worker.firstLine) as { port: number; id: string };
    const health = async () => (await ask(`http://127.0.0.1:${port}/health`)).status;
    const served = async () => {
      const { body } = await ask(`http://127.0.0.1:${port}/metrics`);
      return Number(/^dynamo_component_requests_total\{.*\} (\d+)$/m.exec(body)?.[1]);
    };
    return { worker, id: BigInt(id), health, served };
  };
  const open = () => runtime.endpoint(PATH).client<string, string | number>();
  const call = async (client: Awaited<ReturnType<typeof open>>) => {
    const items: unknown[] = [];
    for await (const { data } of await client.random('hello')) items.push(data);
    return items;
  };

  it('call each other, and one that is killed is gone within its lease', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    const client = await open();
    await eventually('both', () => client.instances.length === 2);
    expect(await call(client)).toEqual(['hello', expect.any(Number)]);
    one.worker.kill('SIGKILL');
    await eventually('one is left', () => client.instances.length === 1);
    expect(client.instances[0]!.instanceId).toBe(other.id);
    other.worker.endInput();
    await eventually('none is left', () => client.instances.length === 0);
    expect(await other.worker.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await server.keys()).toEqual([]);
  });

  it('go on without etcd, under load, through a kill and two restarts, and count every request once', async () => {
    const { health, served } = await start();
    const client = await open();
    await client.waitForInstances();
    let calls = 0;
    let isOver = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        expect(await call(client)).toEqual(['hello', expect.any(Number)]);
        calls++;
      }
    });
    const during = Promise.all(load);
    for (const empty of [false, true]) {
      const before = calls;
      await server.kill();
      await eventually('health tells it', async () => (await health()) === 503);
      expect(calls).toBeGreaterThan(before);
      await server.launch({ empty });
      await eventually('and that it is over', async () => (await health()) === 200);
    }
    isOver = true;
    await during;
    expect(await served()).toBe(calls);
  });

  it('go on while the worker alone is cut off; new clients find it when it is back', async () => {
    const proxy = await TcpProxy.to(server.port);
    const { id, health, worker } = await start(proxy.url);
    const client = await open();
    const [instance] = await client.waitForInstances();
    const direct = async () => {
      const items: unknown[] = [];
      for await (const { data } of await client.direct('hello', id)) items.push(data);
      return items;
    };
    const stream = (await client.random('hello'))[Symbol.asyncIterator]();
    await stream.next();
    proxy.cut();
    expect(await direct()).toHaveLength(2);
    await eventually('its lease is over', () => client.instances.length === 0);
    await eventually('health tells it', async () => (await health()) === 503);
    await expect(direct()).rejects.toMatchObject({ code: 'PROFILED_NO_INSTANCES' });
    expect(await stream.next()).toMatchObject({ done: false });
    expect(await stream.next()).toMatchObject({ done: true });
    proxy.heal();
    await client.waitForInstances();
    expect(client.instances).toEqual([instance]);
    expect(await direct()).toHaveLength(2);
    await eventually('health tells it', async () => (await health()) === 200);
    worker.endInput();
    expect((await worker.finished).stderr).toContain('had ended and was taken again');
    await proxy.close();
  });
});

describe('the packages of etcd', () => {
  const load = (rest: string) => `
    const { DistributedRuntime } = require(${JSON.stringify(join(lib, 'runtime/distributed-runtime.js'))});
    DistributedRuntime.fromSettings().then(async (runtime) => {
      ${rest}
      await runtime.shutdown();
    }, (error) => console.log(error.message));`;
  const loaded = `console.log(Object.keys(require.cache).filter((file) => /@grpc|discovery.etcd/.test(file)).length > 0);`;

  it.each([
    ['file', 'false'],
    ['mem', 'false'],
    ['etcd', 'true'],
  ])('are loaded where they are chosen: %s, %s', async (backend, isLoaded) => {
    const { stdout, stderr } = await runNode(load(loaded), { DYN_DISCOVERY_BACKEND: backend });
    expect({ stdout, stderr }).toEqual({ stdout: `${isLoaded}\n`, stderr: '' });
  });

  it.each(['@grpc/grpc-js', '@grpc/proto-loader'])('%s is asked for by name where it is missing', async (missing) => {
    const modules = mkdtempSync(join(tmpdir(), 'profiled-modules-'));
    const installed = join(__dirname, '../../node_modules');
    mkdirSync(join(modules, '@grpc'));
    for (const name of [...readdirSync(installed), '@grpc/grpc-js', '@grpc/proto-loader']) {
      if (name !== missing && name !== '@grpc') symlinkSync(join(installed, name), join(modules, name));
    }
    const env = { DYN_DISCOVERY_BACKEND: 'etcd', DYN_SYSTEM_PORT: '0', NODE_PATH: modules };
    const { stdout, stderr } = await runNode(load(''), env);
    rmSync(modules, { recursive: true });
    expect({ stdout, stderr }).toEqual({
      stdout:
        `PROFILED_CONFIG_INVALID: DYN_DISCOVERY_BACKEND=etcd needs the package ${missing}, which is not installed; ` +
        'run: npm install @grpc/grpc-js @grpc/proto-loader\n',
      stderr: '',
    });
  });
});
