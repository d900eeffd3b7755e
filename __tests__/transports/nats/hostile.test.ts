import { connect, type NatsConnection } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DistributedRuntime, type ProfiledError, type ServedEndpoint } from '../../../lib/index';
import { freshRegistry } from '../../../lib/testing';
import { encodeConnectionInfo } from '../../../lib/wire/connection-info';
import { encodeControlMessage } from '../../../lib/wire/control-message';
import { encodeTwoPart } from '../../../lib/wire/two-part';
import { collect } from '../../conformance/harness';
import { compileLib, startNode } from '../../support/child';
import { eventually } from '../../support/eventually';
import { ask } from '../../support/http';
import { describeNats, NatsServer } from '../../support/nats-server';
import { readings } from '../../support/readings';
import { RawServer } from '../tcp/raw';

const lib = compileLib();

/** A whole request, whose response is to go to `address`. */
function requestFor(address: string): Uint8Array {
  const id = randomUUID();
  const info = { address, subject: randomUUID(), context: id, streamType: 'response' } as const;
  const connectionInfo = encodeConnectionInfo(info);
  return encodeTwoPart(
    encodeControlMessage({ id, requestType: 'single_in', responseType: 'many_out', connectionInfo }),
    '"x"',
  );
}

describeNats('requesters of a worker that do not keep to the rules', () => {
  let server: NatsServer;
  let raw: NatsConnection;
  let runtime: DistributedRuntime;
  let served: ServedEndpoint;
  let registry: ReturnType<typeof freshRegistry>;
  let calls: number;

  beforeAll(async () => {
    server = await NatsServer.start();
    raw = await connect({ servers: server.url });
  });
  afterAll(async () => {
    await raw.close();
    await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    registry = freshRegistry();
    calls = 0;
    runtime = await DistributedRuntime.fromSettings({
      requestPlane: 'nats',
      discoveryBackend: 'mem',
      tcp: { host: '127.0.0.1' },
      nats: { server: server.url },
    });
    served = await runtime.endpoint('n.c.e').serve(async function* () {
      calls += 1;
      for (;;) yield 'x'.repeat(1_000);
    });
  });
  afterEach(() => runtime.shutdown({ deadlineMs: 0 }));

  const send = async (payload: Uint8Array | string) =>
    (await raw.request(served.address, payload, { timeout: 5_000 })).string();
  const settled = async () => {
    await eventually('all requests are over', () => served.running === 0);
    const { durationSum: _, ...rest } = await readings(registry);
    return rest;
  };
  const errorsOfService = async () => {
    const stats = (await raw.request('$SRV.STATS.n_c', '', { timeout: 5_000 })).json<{
      endpoints: [{ num_requests: number; num_errors: number; last_error: string }];
    }>();
    return stats.endpoints[0];
  };

  it.each<[string, string | Uint8Array, string]>([
    ['nothing', '', 'deserialization'],
    ['text', 'GET / HTTP/1.1\r\n\r\n', 'deserialization'],
    ['a frame that announces more than it has', Buffer.alloc(24, 0x7f), 'deserialization'],
    ['a control message that is none', encodeTwoPart('{}', '"x"'), 'deserialization'],
    ['a frame without a header', encodeTwoPart('', '"x"'), 'invalid_message'],
  ])('%s is acknowledged and counted', async (_, payload, type) => {
    expect(await send(payload)).toBe('');
    expect(await settled()).toMatchObject({ requests: 1, inflight: 0, ended: 1, errors: { [type]: 1 } });
    expect(await errorsOfService()).toMatchObject({
      num_requests: 1,
      num_errors: 1,
      last_error: expect.stringMatching(`^${type}: `),
    });
    expect(calls).toBe(0);
  });

  it('one that is gone before the worker dials costs one error', async () => {
    const gone = await RawServer.listen();
    await gone[Symbol.asyncDispose]();
    expect(await send(requestFor(gone.address))).toBe('');
    expect(await settled()).toMatchObject({ requests: 1, inflight: 0, ended: 1, errors: { response_stream: 1 } });
    expect(calls).toBe(0);
  });

  it('one whose connections break between acknowledgement and response is counted once', async () => {
    await using requester = await RawServer.listen((peer) => peer.socket.destroy());
    const own = await connect({ servers: server.url });
    const reply = await own.request(served.address, requestFor(requester.address), { timeout: 5_000 });
    expect(reply.data).toHaveLength(0);
    await own.close();
    const { errors, cancellations, ...rest } = await settled();
    expect(rest).toMatchObject({ requests: 1, inflight: 0, ended: 1 });
    // Which of the two depends on whether the worker is still in its handshake.
    expect(cancellations + Object.values(errors).reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  it('one that loses its NATS connection after the acknowledgement gets its response', async () => {
    await using requester = await RawServer.listen();
    const own = await connect({ servers: server.url });
    await own.request(served.address, requestFor(requester.address), { timeout: 5_000 });
    await own.close();
    const peer = await requester.peer(0);
    expect((await peer.received(1_000)).toString()).toContain('{"error":null}');
    peer.socket.destroy();
    expect(await settled()).toMatchObject({ requests: 1, inflight: 0, cancellations: 1, errors: {} });
  });
});

/** A worker whose first line has its subject and the port of its system server, and whose last one has the number of its handler's calls. */
const SLOW_WORKER = `
  const { DistributedRuntime } = require(${JSON.stringify(join(lib, 'runtime/distributed-runtime.js'))});
  let calls = 0;
  DistributedRuntime.fromSettings().then(async (runtime) => {
    const { address } = await runtime.endpoint('n.c.e').serve(async function* () {
      calls += 1;
      yield 'hello';
    });
    console.log(JSON.stringify({ address, port: runtime.systemServerInfo().port }));
    process.stdin.resume().on('end', async () => {
      await runtime.shutdown();
      console.log(calls);
    });
  });
`;

describeNats('a worker that is too slow for the server', () => {
  const fileStore = mkdtempSync(join(tmpdir(), 'profiled-nats-store-'));
  afterAll(() => rmSync(fileStore, { recursive: true, force: true }));

  it('is dropped, says so in the log, and comes back by itself; nobody waits for ever, and all is counted once', async () => {
    await using server = await NatsServer.start('max_payload: 65536\nmax_pending: 65536');
    const worker = startNode(SLOW_WORKER, {
      DYN_REQUEST_PLANE: 'nats',
      DYN_FILE_KV: fileStore,
      DYN_TCP_RPC_HOST: '127.0.0.1',
      DYN_SYSTEM_HOST: '127.0.0.1',
      DYN_SYSTEM_PORT: '0',
      NATS_SERVER: server.url,
      DYN_LOG: 'info',
    });
    const { address, port } = JSON.parse(await worker.firstLine) as { address: string; port: number };
    const runtime = await DistributedRuntime.fromSettings({
      requestPlane: 'nats',
      fileStore,
      tcp: { host: '127.0.0.1' },
      nats: { server: server.url, ackTimeoutMs: 2_000 },
      client: { inhibitedMs: 0 },
    });
    const client = await runtime.endpoint('n.c.e').client<string, string>();
    await client.waitForInstances();
    const call = () => client.random('x').then(collect, ({ code }: ProfiledError) => code);
    expect(await call()).toEqual(['hello']);

    const raw = await connect({ servers: server.url });
    await worker.freeze();
    const start = performance.now();
    const calls = Promise.all(Array.from({ length: 20 }, call));
    for (const outcome of await calls) expect(outcome).toMatch(/^PROFILED_(TIMEOUT|DISCONNECTED)$/);
    expect(performance.now() - start).toBeLessThan(10_000);
    await eventually('the server drops it', async () => {
      for (let i = 0; i < 20; i++) raw.publish(address, Buffer.alloc(60_000));
      await raw.flush();
      return server.log.includes('Slow Consumer');
    });
    worker.kill('SIGCONT');
    await eventually('it answers again', async () => Array.isArray(await call()));
    await Promise.all([runtime.shutdown(), raw.close()]);

    const total = async (name: string) => {
      const { body } = await ask(`http://127.0.0.1:${port}/metrics`);
      const values = [...body.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'))];
      return values.reduce((sum, [, value]) => sum + Number(value), 0);
    };
    await eventually('all requests are over', async () => (await total('concurrent_requests')) === 0);
    const [requests, ended, errors] = [
      await total('requests_total'),
      await total('request_duration_seconds_count'),
      await total('errors_total'),
    ];
    worker.endInput();
    const { stdout, stderr, code } = await worker.finished;
    expect(code).toBe(0);
    // What can not be read, and what came when its caller had left, did not get to the handler.
    const handled = Number(stdout.trim().split('\n').pop());
    expect({ requests, ended }).toEqual({ requests: handled + errors, ended: handled + errors });
    expect(stderr).toMatch(/the connection to the NATS server at .* is lost/);
    expect(stderr).toMatch(/connected again to the NATS server at /);
  }, 60_000);
});
