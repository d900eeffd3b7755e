import { connect, type NatsConnection } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DistributedRuntime, type ServedEndpoint } from '../../../lib/index';
import { natsRequestPlane } from '../../../lib/transports/nats/planes';
import { freshRegistry } from '../../../lib/testing';
import { encodeConnectionInfo } from '../../../lib/wire/connection-info';
import { encodeControlMessage } from '../../../lib/wire/control-message';
import { encodeTwoPart } from '../../../lib/wire/two-part';
import { compileLib, startNode } from '../../support/child';
import { eventually } from '../../support/eventually';
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

describeNats('a worker that is too slow for the server', () => {
  it('is dropped, says so in the log, and comes back by itself', async () => {
    await using server = await NatsServer.start('max_payload: 65536\nmax_pending: 65536');
    const worker = startNode(
      `
      const { DistributedRuntime } = require(${JSON.stringify(join(lib, 'runtime/distributed-runtime.js'))});
      DistributedRuntime.fromSettings().then(async (runtime) => {
        console.log((await runtime.endpoint('n.c.e').serve(async function* () {})).address);
        process.stdin.resume().on('end', () => runtime.shutdown());
      });
    `,
      { DYN_REQUEST_PLANE: 'nats', DYN_DISCOVERY_BACKEND: 'mem', NATS_SERVER: server.url, DYN_LOG: 'info' },
    );
    const subject = await worker.firstLine;
    const raw = await connect({ servers: server.url });
    worker.kill('SIGSTOP');
    const payload = Buffer.alloc(60_000);
    await eventually('the server drops it', async () => {
      for (let i = 0; i < 20; i++) raw.publish(subject, payload);
      await raw.flush();
      return server.log.includes('Slow Consumer');
    });
    worker.kill('SIGCONT');
    const plane = natsRequestPlane({ server: server.url });
    await eventually('it answers again', async () => (await plane.client.send(subject, payload, {})).length === 0);
    await Promise.all([plane.server.close(), plane.client.close(), raw.close()]);
    worker.endInput();
    const { stderr, code } = await worker.finished;
    expect(code).toBe(0);
    expect(stderr).toMatch(/the connection to the NATS server at .* is lost/);
    expect(stderr).toMatch(/connected again to the NATS server at /);
  });
});
