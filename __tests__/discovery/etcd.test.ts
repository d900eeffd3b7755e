import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { EtcdDiscovery } from '../../lib/discovery/etcd/etcd';
import { resolveEtcdOptions } from '../../lib/discovery/etcd/options';
import { log } from '../../lib/internal/logger';
import { describeEtcd, freePorts } from '../support/etcd-server';
import { eventually } from '../support/eventually';
import { Etcd, key, TTL_MS } from './etcd-support';
import { FILTER, Following, instance, listenToLog } from './file-support';
import { discoverySuite } from './suite';

/** A port on which connections are taken and nothing is ever said. */
async function silence(): Promise<{ port: number; close(): Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => server.close(closed));
  };
  return { port: (server.address() as { port: number }).port, close };
}

const BIG = 2n ** 64n - 1n;
const UPSTREAM =
  '{"type":"Endpoint","component":"my_comp","endpoint":"gen.1","namespace":"my-ns","instance_id":12829709476703780238,' +
  '"transport":{"tcp":"192.0.2.2:38935/b20c48cb5a643d8e/my-ns/my_comp/gen.1"},"device_type":"cuda","request_plane_codec":"msgpack"}';

describeEtcd('discovery through etcd', () => {
  let etcd: Etcd;
  beforeAll(async () => (etcd = await Etcd.start()));
  afterEach(() => {
    log.use('off', () => {});
    return etcd.clear();
  });
  afterAll(() => etcd.dispose());

  discoverySuite(() => etcd.open());

  it('writes keys and values as Dynamo does, to the byte, under a lease of its own id', async () => {
    const discovery = etcd.open();
    const id = await discovery.instanceId();
    await discovery.register(instance(BIG));
    await discovery.register(instance(id, { endpoint: 'other' }));
    const value = (endpoint: string, number: bigint, transport: string) =>
      `{"type":"Endpoint","component":"my_comp","endpoint":"${endpoint}","namespace":"my-ns","instance_id":${number},"transport":{"tcp":"${transport}"}}`;
    const hex = id.toString(16);
    expect(await etcd.server.keys()).toEqual([
      {
        key: key('ffffffffffffffff'),
        value: value('gen.1', 18446744073709551615n, '127.0.0.1:4000/ffffffffffffffff/gen.1'),
        lease: id.toString(),
      },
      {
        key: `v1/instances/my-ns/my_comp/other/${hex}`,
        value: value('other', id, `127.0.0.1:4000/${hex}/gen.1`),
        lease: id.toString(),
      },
    ]);
    const lease = await etcd.server.api('lease/timetolive', { ID: id.toString() });
    expect(lease).toMatchObject({ grantedTTL: String(TTL_MS / 1_000) });
    await discovery.close();
    expect(await etcd.server.keys()).toEqual([]);
    expect(await etcd.server.api('lease/leases', {})).not.toHaveProperty('leases');
  });

  it('asks for the ten seconds of Dynamo unless told otherwise', async () => {
    const discovery = etcd.open({ leaseTtlMs: undefined });
    await discovery.register(instance(1n));
    const lease = await etcd.server.api('lease/timetolive', { ID: (await discovery.instanceId()).toString() });
    expect(lease).toMatchObject({ grantedTTL: '10' });
  });

  it('reads what Dynamo writes, sees it change, and passes over what is not for it', async () => {
    const lines = listenToLog();
    await etcd.server.put(key('b20c48cb5a643d8e'), UPSTREAM);
    await etcd.server.put(key('1'), '{"broken');
    await etcd.server.put(key('2'), '{"type":"Model"}');
    const following = await Following.start(etcd.open());
    expect(following.watch.snapshot).toEqual([
      {
        ...instance(12829709476703780238n),
        transport: { kind: 'tcp', address: '192.0.2.2:38935/b20c48cb5a643d8e/my-ns/my_comp/gen.1' },
        requestPlaneCodec: 'msgpack',
      },
    ]);
    await etcd.server.put(key('b20c48cb5a643d8e'), UPSTREAM.replace('192.0.2.2', '192.0.2.3'));
    await etcd.server.put(key('b20c48cb5a643d8e'), UPSTREAM.replace('192.0.2.2', '192.0.2.3'));
    await etcd.server.put(key('b20c48cb5a643d8e'), 'broken now');
    await eventually('its end', () => following.known.size === 0);
    expect(following.changes).toEqual(['put 12829709476703780238', 'delete 12829709476703780238']);
    expect(lines.map(({ fields }) => fields.key)).toEqual([key('1'), key('b20c48cb5a643d8e')]);
    for (const name of ['b20c48cb5a643d8e', '1', '2']) await etcd.server.delete(key(name));
  });

  it('takes back what is on its way when it is closed', async () => {
    const discovery = etcd.open();
    const registering = discovery.register(instance(1n));
    const watching = discovery.watch(FILTER, () => {});
    const closing = discovery.close();
    await expect(registering).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(watching).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await closing;
    expect(await etcd.server.keys()).toEqual([]);
  });

  it('leaves no timer and no connection', async () => {
    const before = process.getActiveResourcesInfo().sort();
    const discovery = etcd.open();
    await discovery.register(instance(1n));
    await Following.start(discovery);
    await discovery.close();
    await eventually('nothing is left', () => process.getActiveResourcesInfo().length <= before.length);
  });

  it('goes to the next member when one is away or silent, and stays there', async () => {
    const silent = await silence();
    const [dead] = await freePorts(1);
    const endpoints = [`http://127.0.0.1:${dead}`, `127.0.0.1:${silent.port}`, etcd.server.url].join(', ');
    const discovery = etcd.open({ endpoints, requestTimeoutMs: 1_000 });
    await discovery.register(instance(1n));
    const following = await Following.start(discovery);
    expect(following.ids).toEqual([1n]);
    await etcd.open().register(instance(2n));
    await eventually('another', () => following.known.has(2n));
    await discovery.close();
    await silent.close();
  });
});

describe('an etcd that does not answer', () => {
  it.each(['refuses', 'is silent'])('and %s is an error in time that names it', async (manner) => {
    const silent = await silence();
    const port = manner === 'refuses' ? (await freePorts(1))[0] : silent.port;
    const discovery = new EtcdDiscovery({ endpoints: `http://127.0.0.1:${port}`, requestTimeoutMs: 300 });
    const expected = {
      code: 'PROFILED_UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`etcd at http://127.0.0.1:${port} does not answer: .+ETCD_ENDPOINTS`)),
    };
    const began = performance.now();
    await expect(discovery.register(instance(1n))).rejects.toMatchObject(expected);
    await expect(discovery.watch(FILTER, () => {})).rejects.toMatchObject(expected);
    expect(performance.now() - began).toBeLessThan(5_000);
    await discovery.close();
    await silent.close();
  });
});

describe('options of etcd discovery', () => {
  it('have the defaults of upstream', () => {
    expect(resolveEtcdOptions({})).toEqual({
      members: [{ url: 'http://localhost:2379', target: 'localhost:2379' }],
      login: undefined,
      tls: undefined,
      ttlSeconds: 10,
      requestTimeoutMs: 3_000,
    });
    expect(resolveEtcdOptions({ leaseTtlMs: 1_500 })).toMatchObject({ ttlSeconds: 2, requestTimeoutMs: 500 });
  });

  it('take members by name, address and both schemes', () => {
    const targets = (endpoints: string) => resolveEtcdOptions({ endpoints }).members.map(({ target }) => target);
    expect(targets('http://a.b:1, http://10.0.0.1:2/,c:3,http://[::1]:4')).toEqual([
      'a.b:1',
      '10.0.0.1:2',
      'c:3',
      '[::1]:4',
    ]);
    expect(resolveEtcdOptions({ endpoints: 'https://a:1' }).tls).toEqual({});
  });

  it.each([
    [{ endpoints: 'a' }, '`endpoints`'],
    [{ endpoints: 'http://a:1,' }, '`endpoints`'],
    [{ endpoints: 'ftp://a:1' }, '`endpoints`'],
    [{ endpoints: 'http://a:1/v3' }, '`endpoints`'],
    [{ endpoints: 'http://a:1,https://b:2' }, 'either all https or all http'],
    [{ endpoints: 'http://a:1', ca: '-----BEGIN CERTIFICATE-----' }, 'https where `ETCD_AUTH_CA`'],
    [{ username: 'a' }, '`ETCD_AUTH_USERNAME` is given without `ETCD_AUTH_PASSWORD`'],
    [{ password: 'a' }, '`ETCD_AUTH_PASSWORD` is given without `ETCD_AUTH_USERNAME`'],
    [{ clientKey: 'a' }, '`ETCD_AUTH_CLIENT_KEY` is given without `ETCD_AUTH_CLIENT_CERT`'],
    [{ endpoints: 'https://a:1', ca: '/is/not/there' }, '`ETCD_AUTH_CA` must be PEM or the path'],
    [{ leaseTtlMs: 0 }, '`leaseTtlMs`'],
    [{ requestTimeoutMs: Number.NaN }, '`requestTimeoutMs`'],
  ])('%j is refused', (options, text) => {
    const expected = { code: 'PROFILED_CONFIG_INVALID', message: expect.stringContaining(text) };
    expect(() => new EtcdDiscovery(options)).toThrow(expect.objectContaining(expected));
  });

  it('the memory plane is refused', async () => {
    const discovery = new EtcdDiscovery();
    const transport = { kind: 'memory', address: 'memory:1' } as const;
    await expect(discovery.register(instance(1n, { transport }))).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringContaining('`tcp`'),
    });
    await discovery.close();
  });
});
