import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { deferred } from '../../../lib/internal/deferred';
import { natsRequestPlane } from '../../../lib/transports/nats/planes';
import type { OnRequest, RequestHeaders, RequestPlane, TargetStats } from '../../../lib/transports/transport';
import { eventually } from '../../support/eventually';
import { describeNats, NatsServer } from '../../support/nats-server';

const TARGET = { namespace: 'My.ns', component: 'c', endpoint: 'gen', instanceId: 0xfedcba9876543210n };
const SUBJECT = 'my_ns_c.gen-fedcba9876543210';
const accept: OnRequest = async () => new Uint8Array();

describeNats('the NATS request plane, seen by a plain client of NATS', () => {
  let server: NatsServer;
  let plane: RequestPlane;
  let raw: NatsConnection;
  beforeAll(async () => {
    server = await NatsServer.start('max_payload: 65536');
    raw = await connect({ servers: server.url });
  });
  afterAll(async () => {
    await raw.close();
    await server[Symbol.asyncDispose]();
  });
  beforeEach(() => (plane = natsRequestPlane({ server: server.url })));
  afterEach(() => Promise.all([plane.server.close(), plane.client.close()]));

  const ask = (subject: string, data: string | Uint8Array = '') => raw.request(subject, data, { timeout: 5_000 });

  it('takes requests at the subject of the target, with names of headers in lower case', async () => {
    const seen: [string, RequestHeaders][] = [];
    const served = await plane.server.serve(TARGET, async (payload, given) => {
      seen.push([Buffer.from(payload).toString(), given]);
      return new Uint8Array();
    });
    expect(served.address).toBe(SUBJECT);
    const given = headers();
    given.append('Request-Id', 'one');
    given.append('traceparent', 'old');
    given.append('traceparent', 'é');
    const reply = await raw.request(SUBJECT, 'x', { timeout: 5_000, headers: given });
    expect(reply.data).toHaveLength(0);
    await ask(SUBJECT, 'without');
    expect(seen).toEqual([
      ['x', { 'request-id': 'one', traceparent: 'é' }],
      ['without', {}],
    ]);
  });

  it('is in the queue group of services', async () => {
    let ours = 0;
    await plane.server.serve(TARGET, async () => {
      ours += 1;
      return new Uint8Array();
    });
    let theirs = 0;
    const subscription = raw.subscribe(SUBJECT, {
      queue: 'q',
      callback: (_, message) => {
        theirs += 1;
        message.respond();
      },
    });
    await raw.flush();
    for (let i = 0; i < 50; i++) await ask(SUBJECT);
    subscription.unsubscribe();
    expect(ours + theirs).toBe(50);
    expect(Math.min(ours, theirs)).toBeGreaterThan(0);
  });

  it('sends what the client sends: payload, headers, and a subject for the answer', async () => {
    const arrived = deferred<Msg>();
    raw.subscribe('elsewhere.e-1', { max: 1, callback: (_, message) => arrived.resolve(message) });
    await raw.flush();
    const ack = plane.client.send('elsewhere.e-1', Buffer.from([0, 255, 10]), { 'request-id': 'r', 'x-y': 'é' });
    const message = await arrived.promise;
    expect([...message.data]).toEqual([0, 255, 10]);
    expect([...message.headers!]).toEqual([
      ['request-id', ['r']],
      ['x-y', ['é']],
    ]);
    expect(message.reply).toMatch(/^_INBOX\./);
    message.respond('Server overloaded: no');
    message.respond('and again');
    expect(Buffer.from(await ack).toString()).toBe('Server overloaded: no');
  });

  it('refuses by the word of the handler, by its failure, and once the target is stopped', async () => {
    const answers: OnRequest[] = [
      async () => Buffer.from('Server overloaded: worker at capacity'),
      () => Promise.reject(new Error('x'.repeat(100_000))),
    ];
    const served = await plane.server.serve(TARGET, (payload, given) => answers.shift()!(payload, given));
    expect((await ask(SUBJECT)).string()).toBe('Server overloaded: worker at capacity');
    expect((await ask(SUBJECT)).string()).toBe(`Server unavailable: ${'x'.repeat(1_024)}`);
    await served.stop();
    await expect(ask(SUBJECT)).rejects.toThrow(/no responders/);
    const ack = await plane.client.send(SUBJECT, new Uint8Array(), {});
    expect(Buffer.from(ack).toString()).toBe(`Server unavailable: nobody serves ${SUBJECT}`);
  });

  it('takes a request that wants no acknowledgement, or wants it to come back as a request', async () => {
    const seen: string[] = [];
    await plane.server.serve(TARGET, async (payload) => {
      seen.push(Buffer.from(payload).toString());
      return new Uint8Array();
    });
    raw.publish(SUBJECT, 'no reply subject');
    raw.publish(SUBJECT, 'to itself', { reply: SUBJECT });
    await ask(SUBJECT, 'last');
    // The acknowledgement of the second one is a request without a reply subject.
    await eventually('all have been taken', () => seen.includes(''));
    expect(seen.sort()).toEqual(['', 'last', 'no reply subject', 'to itself']);
  });

  it('refuses a request whose headers are none', async () => {
    const calls = jest.fn(accept);
    await plane.server.serve(TARGET, calls);
    const odd = Object.assign(headers(), { headers: new Map([['a name\u0000', ['\u0001']]]) });
    const reply = await raw.request(SUBJECT, 'x', { timeout: 5_000, headers: odd });
    expect(reply.string()).toMatch(/^Server unavailable: /);
    expect(calls).not.toHaveBeenCalled();
  });

  it('names the limit of a request that is too large, and sends nothing of it', async () => {
    const sizes: number[] = [];
    await plane.server.serve(TARGET, async (payload) => {
      sizes.push(payload.length);
      return new Uint8Array();
    });
    const header = { 'request-id': 'r' };
    const overhead = 'NATS/1.0\r\nrequest-id: r\r\n\r\n'.length;
    for (const bytes of [65_536, 65_537 - overhead]) {
      await expect(plane.client.send(SUBJECT, Buffer.alloc(bytes), header)).rejects.toMatchObject({
        code: 'PROFILED_MESSAGE_INVALID',
        message: expect.stringContaining(
          `a request of ${bytes} bytes and its headers exceed the NATS server's max_payload of 65536`,
        ),
      });
    }
    await plane.client.send(SUBJECT, Buffer.alloc(65_536 - overhead), header);
    expect(sizes).toEqual([65_536 - overhead]);
  });

  it('refuses a header that NATS can not carry', async () => {
    await expect(plane.client.send(SUBJECT, new Uint8Array(), { 'request-id': 'a\r\nb: c' })).rejects.toMatchObject({
      code: 'PROFILED_MESSAGE_INVALID',
      message: expect.stringContaining('"request-id"'),
    });
  });

  it('refuses two targets that have one subject', async () => {
    await plane.server.serve(TARGET, accept);
    const alike = plane.server.serve({ ...TARGET, namespace: 'my', component: 'ns_c' }, accept);
    await expect(alike).rejects.toMatchObject({ code: 'PROFILED_TARGET_INVALID' });
  });

  it('rejects after close, and what is under way with it', async () => {
    raw.subscribe('silent.e-1', { callback: () => {} });
    await raw.flush();
    const silent = plane.client.send('silent.e-1', new Uint8Array(), {});
    const seen = expect(silent).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await plane.client.send(SUBJECT, new Uint8Array(), {});
    await plane.client.close();
    await seen;
    await expect(plane.client.send(SUBJECT, new Uint8Array(), {})).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await plane.server.close();
    await expect(plane.server.serve(TARGET, accept)).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
  });

  describe('as a service', () => {
    const STATS: TargetStats = {
      requests: 3,
      errors: 1,
      lastError: 'generate: no',
      processingNanos: 10.6,
      data: { queue: [1, null] },
    };
    const HEAD = { name: 'my_ns_c', id: expect.stringMatching(/^[0-9a-f]{22}$/), version: '0.0.1', metadata: {} };
    const ENDPOINT = { name: 'my_ns_c-gen-fedcba9876543210', subject: SUBJECT, queue_group: 'q' };
    const OTHER = { name: 'my_ns_c-other-1', subject: 'my_ns_c.other-1', queue_group: 'q' };
    const other = { ...TARGET, endpoint: 'other', instanceId: 1n };

    /** All answers to one question. */
    const all = async (subject: string) => {
      const answers: unknown[] = [];
      for await (const message of await raw.requestMany(subject, '', { strategy: 'stall', maxWait: 1_000 })) {
        answers.push(message.json());
      }
      return answers as { id: string }[];
    };

    it('answers for the component: who it is, what it has, what it did', async () => {
      await plane.server.serve(TARGET, accept, () => STATS);
      await plane.server.serve(other, accept);
      const [ping] = await all('$SRV.PING');
      expect(ping).toEqual({ type: 'io.nats.micro.v1.ping_response', ...HEAD });
      expect(await all('$SRV.INFO.my_ns_c')).toEqual([
        {
          type: 'io.nats.micro.v1.info_response',
          ...HEAD,
          description: 'Dynamo component c in namespace My.ns',
          endpoints: [
            { ...ENDPOINT, metadata: {} },
            { ...OTHER, metadata: {} },
          ],
        },
      ]);
      const idle = { num_requests: 0, num_errors: 0, processing_time: 0, average_processing_time: 0, last_error: '' };
      expect(await all(`$SRV.STATS.my_ns_c.${ping!.id}`)).toEqual([
        {
          type: 'io.nats.micro.v1.stats_response',
          ...HEAD,
          started: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          endpoints: [
            {
              ...ENDPOINT,
              num_requests: 3,
              num_errors: 1,
              processing_time: 11,
              average_processing_time: 3,
              last_error: 'generate: no',
              data: { queue: [1, null] },
            },
            { ...OTHER, ...idle, data: null },
          ],
        },
      ]);
    });

    it('answers every question of its own, and none of others', async () => {
      await plane.server.serve(TARGET, accept);
      const second = natsRequestPlane({ server: server.url });
      await second.server.serve({ ...other, component: 'd' }, accept);
      await second.server.serve({ ...other, component: 'e' }, accept);
      const counts: Record<string, number> = {};
      for (const verb of ['PING', 'INFO', 'STATS']) {
        for (const name of ['', '.my_ns_c', '.my_ns_d', '.nobody', '.my_ns_c.0']) {
          const answers = await all(`$SRV.${verb}${name}`).catch(() => []);
          counts[name] = answers.length;
        }
        expect(counts).toEqual({ '': 3, '.my_ns_c': 1, '.my_ns_d': 1, '.nobody': 0, '.my_ns_c.0': 0 });
      }
      await Promise.all([second.server.close(), second.client.close()]);
      expect(await all('$SRV.PING')).toHaveLength(1);
    }, 60_000);

    it('loses an endpoint that stops, and ends with the last one', async () => {
      const served = await plane.server.serve(TARGET, accept);
      const second = await plane.server.serve(other, accept);
      await served.stop();
      expect(await all('$SRV.INFO.my_ns_c')).toMatchObject([{ endpoints: [OTHER] }]);
      await second.stop();
      const isRefused = () =>
        ask('$SRV.INFO.my_ns_c').then(
          () => false,
          (error: Error) => /no responders/.test(error.message),
        );
      await eventually('nobody answers', isRefused);
      await plane.server.serve(TARGET, accept);
      expect(await all('$SRV.INFO.my_ns_c')).toMatchObject([{ endpoints: [ENDPOINT] }]);
    });
  });
});
