import { MemoryDiscovery } from '../../lib/discovery/memory';
import * as clock from '../../lib/internal/clock';
import { Admission } from '../../lib/ingress/admission';
import { Ingress } from '../../lib/ingress/ingress';
import { Client, type ClientOptions } from '../../lib/runtime/client';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import type { Endpoint } from '../../lib/runtime/target';
import { freshRegistry } from '../../lib/testing';
import { tcpRequestPlane, tcpResponsePlane } from '../../lib/transports/tcp/planes';
import type { AddressKind, OnRequest } from '../../lib/transports/transport';
import { ACCEPTED, refusal } from '../../lib/wire/ack';
import { decodeControlMessage } from '../../lib/wire/control-message';
import { encodePrologue, encodeWrapper, wrapItem } from '../../lib/wire/response-frames';
import { decodeTwoPart } from '../../lib/wire/two-part';
import { eventually } from '../support/eventually';

const ADDRESS = { namespace: 'avoidance', component: 'c', endpoint: 'e' };

/** Workers of one endpoint, in sockets of their own, and clients that find them. */
class Cluster implements AsyncDisposable {
  /** The instances that requests reached, in order. */
  readonly reached: bigint[] = [];
  readonly #options = { host: '127.0.0.1' };
  readonly planes = {
    request: tcpRequestPlane(this.#options),
    response: tcpResponsePlane(this.#options),
    discovery: new MemoryDiscovery(),
  };
  readonly #workers = [this.planes.request.server];

  /** A worker that answers each request with its id. */
  async good(instanceId: bigint): Promise<void> {
    const ingress = Ingress.forEngine(() => Number(instanceId)).addMetrics(ADDRESS);
    const { client } = this.planes.response;
    await this.worker(instanceId, new Admission(ingress, client.dial.bind(client)).accept);
  }

  async worker(instanceId: bigint, onRequest: OnRequest, kind: AddressKind = 'tcp'): Promise<void> {
    const { server } = tcpRequestPlane(this.#options);
    this.#workers.push(server);
    const { address } = await server.serve({ ...ADDRESS, instanceId }, (payload, headers) => {
      this.reached.push(instanceId);
      return onRequest(payload, headers);
    });
    await this.planes.discovery.register({ ...ADDRESS, instanceId, transport: { kind, address } });
  }

  /** A worker that is known and does not listen any more. */
  async gone(instanceId: bigint): Promise<void> {
    await this.worker(instanceId, async () => ACCEPTED);
    await this.#workers.pop()!.close();
  }

  /** Sends a prologue and one item, and ends the connection without a final marker. */
  readonly breakOff: OnRequest = async (payload) => {
    const { id, connectionInfo } = decodeControlMessage(decodeTwoPart(payload).header);
    void this.planes.response.client.dial(connectionInfo, id, { onEvent: () => {} }).then(async (sender) => {
      await sender.send(encodePrologue(null));
      await sender.send(encodeWrapper(wrapItem('{"data":"half"}')));
      await sender.end();
    });
    return ACCEPTED;
  };

  client(options: ClientOptions = {}): Promise<Client> {
    const endpoint = { ...ADDRESS, path: 'avoidance.c.e' } as Endpoint;
    return Client.open(this.planes, endpoint, options, () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { request, response, discovery } = this.planes;
    await discovery.close();
    await Promise.all([request.client.close(), ...this.#workers.map((server) => server.close())]);
    await Promise.all([response.server.close(), response.client.close()]);
  }
}

type Call = (client: Client) => Promise<AsyncIterable<{ data?: unknown; isError: boolean }>>;
const roundRobin: Call = (client) => client.roundRobin('x');
const random: Call = (client) => client.random('x');

/** What came of `n` calls: the answers, `error` for an error item, or the code of what was thrown. */
async function outcomes(client: Client, n: number, call = roundRobin): Promise<unknown[]> {
  const results: unknown[] = [];
  for (let i = 0; i < n; i++) {
    try {
      let last: unknown;
      for await (const item of await call(client)) last = item.isError ? 'error' : item.data;
      results.push(last);
    } catch (error) {
      results.push((error as { code: string }).code);
    }
  }
  return results;
}

let seconds = 0;
const later = (by: number) => (seconds += by);

beforeEach(() => {
  freshRegistry();
  seconds = 1_000;
  jest.spyOn(clock, 'now').mockImplementation(() => seconds);
});
afterEach(() => jest.restoreAllMocks());

type Fault = [string, unknown, (cluster: Cluster) => Promise<void>];
const FAULTS: Fault[] = [
  [
    'is overloaded',
    'PROFILED_REQUEST_REJECTED',
    (cluster) => cluster.worker(1n, async () => refusal('overloaded', 'worker at capacity')),
  ],
  [
    'is drained',
    'PROFILED_REQUEST_REJECTED',
    (cluster) => cluster.worker(1n, async () => refusal('unavailable', 'draining')),
  ],
  ['is not reached', 'PROFILED_DISCONNECTED', (cluster) => cluster.gone(1n)],
  ['does not acknowledge', 'PROFILED_TIMEOUT', (cluster) => cluster.worker(1n, () => new Promise(() => {}))],
  ['does not dial', 'PROFILED_TIMEOUT', (cluster) => cluster.worker(1n, async () => ACCEPTED)],
  ['breaks off midway', 'error', (cluster) => cluster.worker(1n, cluster.breakOff)],
];
/** Short for those that never answer; a good worker on a busy machine has to make it. */
const LIMITS = { ackTimeoutMs: 500, handshakeTimeoutMs: 500 };

describe('an instance that', () => {
  it.each(FAULTS)('%s is left out for a while, then is back', async (_, outcome, add) => {
    await using cluster = new Cluster();
    await add(cluster);
    await cluster.good(2n);
    await cluster.good(3n);
    using client = await cluster.client(LIMITS);
    expect(client.instances).toHaveLength(3);
    expect(await outcomes(client, 1)).toEqual([outcome]);
    later(4.999);
    expect((await outcomes(client, 4)).sort()).toEqual([2, 2, 3, 3]);
    expect(await outcomes(client, 20, random)).not.toContain(outcome);
    later(0.001);
    expect(await outcomes(client, 3)).toContain(outcome);
  });

  it('failed can still be called directly', async () => {
    await using cluster = new Cluster();
    await cluster.worker(1n, async () => refusal('overloaded', 'worker at capacity'));
    await cluster.good(2n);
    using client = await cluster.client();
    const direct: Call = () => client.direct('x', 1n);
    expect(await outcomes(client, 3, direct)).toEqual(Array(3).fill('PROFILED_REQUEST_REJECTED'));
    expect(cluster.reached).toEqual([1n, 1n, 1n]);
    // A direct call that fails says as much of the instance as any other.
    expect(await outcomes(client, 4)).toEqual([2, 2, 2, 2]);
  });

  it('failed is called if all have', async () => {
    await using cluster = new Cluster();
    for (const id of [1n, 2n]) await cluster.worker(id, async () => refusal('overloaded', 'worker at capacity'));
    using client = await cluster.client();
    expect(await outcomes(client, 6)).toEqual(Array(6).fill('PROFILED_REQUEST_REJECTED'));
    expect(cluster.reached).toHaveLength(6);
    expect(new Set(cluster.reached)).toEqual(new Set([1n, 2n]));
    await cluster.good(3n);
    await eventually('the new one is known', () => client.instances.length === 3);
    expect(await outcomes(client, 3)).toEqual([3, 3, 3]);
  });

  it('failed has its time from the last failure', async () => {
    await using cluster = new Cluster();
    await cluster.worker(1n, async () => refusal('overloaded', 'worker at capacity'));
    await cluster.good(2n);
    using client = await cluster.client({ inhibitedMs: 1_000 });
    expect(await outcomes(client, 1)).toEqual(['PROFILED_REQUEST_REJECTED']);
    later(0.6);
    await outcomes(client, 1, () => client.direct('x', 1n));
    later(0.6);
    expect(await outcomes(client, 2)).toEqual([2, 2]);
    later(0.4);
    expect(await outcomes(client, 2)).toContain('PROFILED_REQUEST_REJECTED');
  });

  it('failed is not avoided when that is switched off', async () => {
    await using cluster = new Cluster();
    await cluster.worker(1n, async () => refusal('overloaded', 'worker at capacity'));
    await cluster.good(2n);
    using client = await cluster.client({ inhibitedMs: 0 });
    const turn = ['PROFILED_REQUEST_REJECTED', 2];
    expect(await outcomes(client, 4)).toEqual([...turn, ...turn]);
  });

  it('did what its caller brought about has not failed', async () => {
    await using cluster = new Cluster();
    const { client: response } = cluster.planes.response;
    const failing = Ingress.forEngine(() => Promise.reject(new Error('no'))).addMetrics(ADDRESS);
    await cluster.worker(1n, new Admission(failing, response.dial.bind(response)).accept);
    await cluster.good(2n);
    using client = await cluster.client();
    expect(await outcomes(client, 4)).toEqual(['PROFILED_REMOTE_ERROR', 2, 'PROFILED_REMOTE_ERROR', 2]);
    const cancelled: Call = () => client.roundRobin('x', { signal: AbortSignal.abort() });
    expect(await outcomes(client, 1, cancelled)).toEqual(['PROFILED_CANCELLED']);
    expect(cluster.reached.filter((id) => id === 1n)).toHaveLength(2);
    expect((await outcomes(client, 3)).sort()).toEqual([2, 2, 'PROFILED_REMOTE_ERROR']);
  });

  it('is reached over another transport is none of ours', async () => {
    await using cluster = new Cluster();
    await cluster.worker(1n, async () => ACCEPTED, 'nats_tcp');
    await cluster.worker(4n, async () => ACCEPTED, 'memory');
    await cluster.good(2n);
    using client = await cluster.client();
    expect(client.instances.map(({ instanceId }) => instanceId)).toEqual([2n]);
    expect(await outcomes(client, 3)).toEqual([2, 2, 2]);
    await expect(client.direct('x', 1n)).rejects.toMatchObject({ code: 'PROFILED_NO_INSTANCES' });
  });
});

describe('the time', () => {
  afterEach(() => delete process.env.DYN_RUNTIME_INHIBITED_DURATION_SECS);

  it.each([-1, NaN])('can not be %d', async (inhibitedMs) => {
    await using cluster = new Cluster();
    await expect(cluster.client({ inhibitedMs })).rejects.toThrow(
      'PROFILED_CONFIG_INVALID: `inhibitedMs` must be 0 or more milliseconds',
    );
  });

  it.each<[string, string, ClientOptions, number]>([
    ['the environment', '0', {}, 2],
    ['the environment, also when an option says undefined', '0', { inhibitedMs: undefined }, 2],
    ['an option, which goes before it', '0', { inhibitedMs: 1 }, 1],
  ])('comes from %s', async (_, text, options, failures) => {
    process.env.DYN_RUNTIME_INHIBITED_DURATION_SECS = text;
    await using runtime = await DistributedRuntime.fromSettings({ requestPlane: 'memory' });
    const endpoint = runtime.endpoint('avoidance.c.memory');
    const discovery = new MemoryDiscovery();
    const instance = { namespace: 'avoidance', component: 'c', endpoint: 'memory', instanceId: 1n };
    await discovery.register({ ...instance, transport: { kind: 'memory', address: 'memory:nobody/1/e' } });
    await endpoint.serve(() => 'answer');
    const client = await endpoint.client(options);
    const results = await outcomes(client, 4);
    expect(results.filter((result) => result === 'PROFILED_REQUEST_REJECTED')).toHaveLength(failures);
    await discovery.close();
  });
});
