import { randomUUID } from 'node:crypto';
import { deferred } from '../../lib/internal/deferred';
import type { DialOptions, ResponseReceiver, ResponseSender, WorkerEvent } from '../../lib/transports/transport';
import { encodeTwoPart } from '../../lib/wire/two-part';
import { eventually } from '../support/eventually';
import { type Side, TARGET, type TransportUnderTest } from './harness';

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const frame = (body: string) => encodeTwoPart('', body);
const NO_EVENTS: DialOptions = { onEvent: () => {} };

/** What both planes of a transport promise, without any handler. */
export function planesSuite(transport: TransportUnderTest): void {
  let worker: Side;
  let requester: Side;

  beforeEach(() => {
    worker = transport.open();
    requester = transport.open();
  });

  afterEach(async () => {
    for (const { request, response } of [worker, requester]) {
      await Promise.all([
        request.server.close(),
        request.client.close(),
        response.server.close(),
        response.client.close(),
      ]);
    }
  });

  describe('the request plane', () => {
    it('carries payload and headers in, and the acknowledgement out', async () => {
      const seen: unknown[] = [];
      const served = await worker.request.server.serve(TARGET, async (payload, headers) => {
        seen.push([text(payload), headers['request-id']]);
        return Buffer.from('Server overloaded: try later');
      });
      const ack = await requester.request.client.send(served.address, Buffer.from('payload'), { 'request-id': 'r' });
      expect(text(ack)).toBe('Server overloaded: try later');
      expect(seen).toEqual([['payload', 'r']]);
    });

    it('answers with no bytes when the request is accepted', async () => {
      const served = await worker.request.server.serve(TARGET, async () => new Uint8Array());
      expect(await requester.request.client.send(served.address, Buffer.from('x'), {})).toHaveLength(0);
    });

    it('does not hand over the buffer that was sent', async () => {
      const arrived = deferred<Uint8Array>();
      const served = await worker.request.server.serve(TARGET, async (payload) => {
        arrived.resolve(payload);
        return new Uint8Array();
      });
      const payload = Buffer.from('before');
      await requester.request.client.send(served.address, payload, {});
      payload.write('after!');
      expect(text(await arrived.promise)).toBe('before');
    });

    it('refuses what nobody serves, and what is served no more', async () => {
      const served = await worker.request.server.serve(TARGET, async () => new Uint8Array());
      await served.stop();
      const ack = await requester.request.client.send(served.address, Buffer.from('x'), {});
      expect(text(ack)).toMatch(/^Server unavailable: /);
    });

    it('refuses a request whose handler rejects', async () => {
      const served = await worker.request.server.serve(TARGET, () => Promise.reject(new Error('no')));
      expect(text(await requester.request.client.send(served.address, Buffer.from('x'), {}))).toBe(
        'Server unavailable: no',
      );
    });

    it('serves a target once at a time', async () => {
      const served = await worker.request.server.serve(TARGET, async () => new Uint8Array());
      const again = () => worker.request.server.serve(TARGET, async () => new Uint8Array());
      await expect(again()).rejects.toMatchObject({ code: 'PROFILED_TARGET_INVALID' });
      await served.stop();
      await again();
    });

    it('gives up on abort, before and while the acknowledgement is awaited', async () => {
      const asked = deferred();
      const answer = deferred<Uint8Array>();
      const served = await worker.request.server.serve(TARGET, () => {
        asked.resolve();
        return answer.promise;
      });
      const before = requester.request.client.send(
        served.address,
        Buffer.from('x'),
        {},
        { signal: AbortSignal.abort() },
      );
      await expect(before).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
      const controller = new AbortController();
      const sent = requester.request.client.send(served.address, Buffer.from('x'), {}, { signal: controller.signal });
      await asked.promise;
      controller.abort();
      await expect(sent).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
      answer.resolve(new Uint8Array());
    });
  });

  describe('the response plane', () => {
    const connect = async (options: DialOptions = NO_EVENTS) => {
      const id = randomUUID();
      const pending = await requester.response.server.expect(id);
      const sender = await worker.response.client.dial(pending.connectionInfo, id, options);
      return { sender, receiver: await pending.connected };
    };
    const readAll = async (receiver: ResponseReceiver) => {
      const bodies: (string | undefined)[] = [];
      for (let bytes = await receiver.receive(); bytes; bytes = await receiver.receive()) {
        bodies.push(text(bytes)?.slice(24));
      }
      return bodies;
    };

    it('moves whole frames in order, then the end, then the FIN', async () => {
      const { sender, receiver } = await connect();
      const bodies = Array.from({ length: 50 }, (_, i) => `${i}`.repeat(i));
      for (const body of bodies) await sender.send(frame(body));
      const ended = sender.end();
      expect(await readAll(receiver)).toEqual(bodies);
      receiver.close();
      await ended;
    });

    it('lets the sender wait for a reader that is behind', async () => {
      const { sender, receiver } = await connect();
      const body = 'x'.repeat(64 * 1024);
      let sent = 0;
      let waiting: Promise<void> | undefined;
      while (!waiting && sent < 10_000) {
        waiting = sender.send(frame(body));
        sent += 1;
      }
      expect(sent).toBeLessThan(transport.slack);
      let received = 0;
      const reading = (async () => {
        while (await receiver.receive()) received += 1;
      })();
      await waiting;
      const ended = sender.end();
      await reading;
      expect(received).toBe(sent);
      receiver.close();
      await ended;
    });

    const turns = async (count: number) => {
      for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    /** Sends until nothing more is taken and then as much again as a busy kernel may still take, and drops the promises of that. */
    const fill = async (sender: ResponseSender) => {
      const send = () => {
        const waiting = sender.send(frame('x'.repeat(64 * 1024)));
        waiting?.catch(() => {});
        return waiting;
      };
      for (let isStuck = false; !isStuck;) {
        const waiting = send();
        if (waiting) isStuck = await Promise.race([waiting.then(() => false), turns(30).then(() => true)]);
      }
      for (let mebibytes = 16; mebibytes > 0; mebibytes -= 1 / 16) void send();
    };

    it('says when everything has left, however slow the reader is', async () => {
      const { sender, receiver } = await connect();
      await sender.flush();
      expect(sender.flush()).toBeUndefined();
      await fill(sender);
      let hasLeft = false;
      const flushed = sender.flush()!.then(() => (hasLeft = true));
      await turns(20);
      expect(hasLeft).toBe(false);
      const reading = readAll(receiver);
      await flushed;
      expect(sender.flush()).toBeUndefined();
      const ended = sender.end();
      expect((await reading).length).toBeGreaterThan(64);
      receiver.close();
      await ended;
    });

    it.each<[string, (sender: ResponseSender, receiver: ResponseReceiver) => void, WorkerEvent[]]>([
      ['the requester leaves', (_, receiver) => receiver.close(), ['disconnect']],
      ['the worker gives it up', (sender) => sender.destroy(), []],
    ])('says that it can not leave once %s, after it has told of that', async (_, part, events) => {
      const log: string[] = [];
      const { sender, receiver } = await connect({ onEvent: (event) => void log.push(event) });
      await fill(sender);
      const flushed = sender.flush()!.catch((error: { code: string }) => log.push(error.code));
      part(sender, receiver);
      await flushed;
      expect(log).toEqual([...events, 'PROFILED_DISCONNECTED']);
      await expect(sender.flush()).rejects.toMatchObject({ code: 'PROFILED_DISCONNECTED' });
      sender.destroy();
      receiver.close();
    });

    it('tells the worker of stop, kill and the end, in this order, and of nothing once it has ended itself', async () => {
      const events: WorkerEvent[] = [];
      const { receiver } = await connect({ onEvent: (event) => void events.push(event) });
      receiver.control('stop');
      receiver.control('kill');
      receiver.close();
      await eventually('the end was heard', () => events.length === 3);
      expect(events).toEqual(['stop', 'kill', 'disconnect']);

      const none: WorkerEvent[] = [];
      const second = await connect({ onEvent: (event) => void none.push(event) });
      second.sender.destroy();
      expect(await second.receiver.receive()).toBeUndefined();
      second.receiver.control('kill');
      second.receiver.close();
      expect(none).toEqual([]);
    });

    it('rejects a send to a requester that has left, after it has told of that', async () => {
      const log: string[] = [];
      const { sender, receiver } = await connect({ onEvent: (event) => void log.push(event) });
      receiver.close();
      const sendUntilItFails = async () => {
        for (;;) await (sender.send(frame('x')) ?? new Promise((resolve) => setImmediate(resolve)));
      };
      await sendUntilItFails().catch((error: { code: string }) => log.push(error.code));
      expect(log).toEqual(['disconnect', 'PROFILED_DISCONNECTED']);
      await sender.end();
    });

    it('wakes a sender that waits when the requester leaves, after it has told of that', async () => {
      const log: string[] = [];
      const { sender, receiver } = await connect({ onEvent: (event) => void log.push(event) });
      let waiting: Promise<void> | undefined;
      while (!waiting) waiting = sender.send(frame('x'.repeat(64 * 1024)));
      receiver.close();
      await waiting.catch((error: { code: string }) => log.push(error.code));
      expect(log).toEqual(['disconnect', 'PROFILED_DISCONNECTED']);
      sender.destroy();
    });

    it('ends the stream of a worker that vanishes', async () => {
      const { sender, receiver } = await connect();
      await sender.send(frame('first'));
      expect(text(await receiver.receive())?.slice(24)).toBe('first');
      const next = receiver.receive();
      sender.destroy();
      expect(await next).toBeUndefined();
      receiver.close();
    });

    it('disconnects a worker that dials for a response that was given up', async () => {
      const id = randomUUID();
      const pending = await requester.response.server.expect(id);
      pending.cancel(new Error('given up'));
      await expect(pending.connected).rejects.toThrow('given up');
      const heard = deferred<WorkerEvent>();
      const sender = await worker.response.client.dial(pending.connectionInfo, id, { onEvent: heard.resolve });
      expect(await heard.promise).toBe('disconnect');
      sender.destroy();
    });

    it('takes one connection for a response, and disconnects the second', async () => {
      const id = randomUUID();
      const pending = await requester.response.server.expect(id);
      const first = await worker.response.client.dial(pending.connectionInfo, id, NO_EVENTS);
      const receiver = await pending.connected;
      const heard = deferred<WorkerEvent>();
      const second = await worker.response.client.dial(pending.connectionInfo, id, { onEvent: heard.resolve });
      expect(await heard.promise).toBe('disconnect');
      second.destroy();
      await first.send(frame('still here'));
      expect(text(await receiver.receive())?.slice(24)).toBe('still here');
      first.destroy();
      receiver.close();
    });

    it('does not dial where the checks of the protocol fail, or where nobody is', async () => {
      const id = randomUUID();
      const pending = await requester.response.server.expect(id);
      const { dial } = worker.response.client;
      const bound = dial.bind(worker.response.client);
      const invalid = { code: 'PROFILED_MESSAGE_INVALID' };
      await expect(bound({ ...pending.connectionInfo, transport: 'quic' }, id, NO_EVENTS)).rejects.toMatchObject(
        invalid,
      );
      await expect(bound(pending.connectionInfo, 'another', NO_EVENTS)).rejects.toMatchObject(invalid);
      await requester.response.server.close();
      await expect(bound(pending.connectionInfo, id, NO_EVENTS)).rejects.toMatchObject({
        code: 'PROFILED_DISCONNECTED',
      });
    });

    it('rejects what is pending when it closes', async () => {
      const pending = await requester.response.server.expect('id');
      await requester.response.server.close();
      await expect(pending.connected).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
      await expect(requester.response.server.expect('id')).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    });
  });
}
