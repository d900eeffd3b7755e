import { once } from 'node:events';
import { type Deferred, deferred } from '../../../lib/internal/deferred';
import type { TcpOptions } from '../../../lib/transports/tcp/options';
import { tcpRequestPlane } from '../../../lib/transports/tcp/planes';
import type { OnRequest, Refusal, RequestPlane } from '../../../lib/transports/transport';
import { RequestFrameDecoder } from '../../../lib/wire/request-frame';
import { eventually } from '../../support/eventually';
import { noSocketIsLeft, RawPeer, RawServer, requestFrame } from './raw';

const TARGET = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 0x1fn };
const PATH = '1f/n/c/e';
const ACCEPTED = new Uint8Array();
const NO_ACK = '00000000';
const DISCONNECTED = { code: 'PROFILED_DISCONNECTED' };

const planes: RequestPlane[] = [];
/** What servers have refused by themselves. */
const refused: Refusal[] = [];
const open = (options: TcpOptions = {}) => {
  const plane = tcpRequestPlane({ host: '127.0.0.1', ...options }, (reason) => void refused.push(reason));
  planes.push(plane);
  return plane;
};
const serve = async (onRequest: OnRequest, options: TcpOptions = {}) => {
  const plane = open(options);
  return { plane, ...(await plane.server.serve(TARGET, onRequest)) };
};
const accept: OnRequest = async () => ACCEPTED;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
/** The texts of all acknowledgements in `bytes`. */
const acksIn = (bytes: Buffer) => {
  const acks: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    acks.push(bytes.toString('utf8', at + 4, end));
    at = end;
  }
  return acks;
};

beforeEach(() => void refused.splice(0));
afterEach(async () => {
  await Promise.all(planes.splice(0).flatMap(({ server, client }) => [server.close(), client.close()]));
  await noSocketIsLeft();
});

describe('the address of a target', () => {
  it('holds the id in hex, and names that tell components apart', async () => {
    const { plane, address } = await serve(accept);
    expect(address).toMatch(/^127\.0\.0\.1:\d+\/1f\/n\/c\/e$/);
    const other = await plane.server.serve({ ...TARGET, component: 'd' }, async () => Buffer.from('d'));
    expect(text(await open().client.send(other.address, Buffer.from('x'), {}))).toBe('d');
    expect(other.address.split('/')[0]).toBe(address.split('/')[0]);
  });

  it('is reached with the scheme before it, and over IPv6', async () => {
    const { address } = await serve(accept);
    const { client } = open();
    await client.send(`tcp://${address}`, Buffer.from('x'), {});
    const v6 = await serve(accept, { host: '::1' });
    expect(v6.address).toMatch(/^\[::1\]:\d+\/1f/);
    expect(await client.send(v6.address, Buffer.from('x'), {})).toHaveLength(0);
  });

  it.each(['localhost:80/x', '/x', '', '1.2.3.4/x', '[::1]/x'])('of the form %j is refused', async (address) => {
    await expect(open().client.send(address, Buffer.from('x'), {})).rejects.toThrow(
      'PROFILED_DISCONNECTED: the address must be of the form `ip:port/path`, with an IP address and no host name',
    );
  });

  it('with a port that is taken is an error that says so', async () => {
    const { address } = await serve(accept);
    const port = Number(address.split(/[:/]/)[1]);
    await expect(open({ port }).server.serve(TARGET, accept)).rejects.toMatchObject({ code: 'PROFILED_PORT_IN_USE' });
    await expect(open({ host: '192.0.2.1' }).server.serve(TARGET, accept)).rejects.toMatchObject({
      code: 'PROFILED_LISTEN_FAILED',
    });
    const failed = open({ port });
    await expect(failed.server.serve(TARGET, accept)).rejects.toThrow('Set `port` to a free one');
    await planes[0]!.server.close();
    await failed.server.serve(TARGET, accept);
  });
});

describe('a server of requests', () => {
  it('sends acknowledgements in the order of the requests, whatever the order of its handlers', async () => {
    const answers: Deferred<Uint8Array>[] = [];
    const { address } = await serve(() => {
      answers.push(deferred());
      return answers.at(-1)!.promise;
    });
    const peer = await RawPeer.connect(address);
    peer.socket.write(Buffer.concat(['a', 'b', 'c'].map((payload) => requestFrame(PATH, payload))));
    await eventually('all were read', () => answers.length === 3);
    answers[2]!.resolve(Buffer.from('third'));
    answers[1]!.reject(new Error('second'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(peer.length).toBe(0);
    answers[0]!.resolve(ACCEPTED);
    peer.socket.end();
    expect(acksIn(await peer.all())).toEqual(['', 'Server unavailable: second', 'third']);
  });

  it('refuses an unknown path and keeps the connection', async () => {
    const { address } = await serve(accept);
    const peer = await RawPeer.connect(address);
    for (const path of ['1f/n/c/other', '', 'x'.repeat(300)]) peer.socket.write(requestFrame(path, 'x'));
    peer.socket.write(Buffer.from('0002c328' + '0000' + '00000000', 'hex'));
    peer.socket.end(requestFrame(PATH, 'x'));
    expect(acksIn(await peer.all())).toEqual([
      'Server unavailable: unknown endpoint 1f/n/c/other',
      'Server unavailable: unknown endpoint ',
      `Server unavailable: unknown endpoint ${'x'.repeat(256)}`,
      'Server unavailable: unknown endpoint \ufffd(',
      '',
    ]);
    expect(refused).toEqual(Array(4).fill('unknown_endpoint'));
  });

  it('answers what was owed to a client that has ended its direction, and drops half a request', async () => {
    const answer = deferred<Uint8Array>();
    const { address } = await serve(() => answer.promise);
    const peer = await RawPeer.connect(address);
    peer.socket.end(Buffer.concat([requestFrame(PATH, 'x'), requestFrame(PATH, 'y').subarray(0, 5)]));
    await once(peer.socket, 'finish');
    answer.resolve(ACCEPTED);
    expect((await peer.all()).toString('hex')).toBe(NO_ACK);
    expect(refused).toEqual(['incomplete']);
  });

  it.each([
    ['too large a request', Buffer.from('0001780000ffffffff', 'hex')],
    ['garbage', Buffer.alloc(4096, 0xff)],
  ])('says so to a client that sends %s, after what is owed, and closes', async (_, bad) => {
    const answer = deferred<Uint8Array>();
    const seen: string[] = [];
    const { address } = await serve((payload) => (seen.push(text(payload)), answer.promise), { maxMessageBytes: 4096 });
    const peer = await RawPeer.connect(address);
    peer.socket.write(Buffer.concat([requestFrame(PATH, 'good'), bad]));
    await eventually('the good one was read', () => seen.length === 1);
    answer.resolve(ACCEPTED);
    expect(acksIn(await peer.all())).toEqual([
      '',
      expect.stringMatching(/^Server unavailable: PROFILED_MESSAGE_INVALID: .* larger than the limit of 4096$/),
    ]);
    peer.socket.write(requestFrame(PATH, 'late'));
    peer.socket.end();
    await once(peer.socket, 'close');
    expect(seen).toEqual(['good']);
    expect(refused).toEqual(['invalid']);
  });

  it('lets a request take its time limit and no longer', async () => {
    const { address } = await serve(accept, { frameTimeoutMs: 30 });
    const peer = await RawPeer.connect(address);
    const frame = requestFrame(PATH, 'slow');
    peer.socket.write(frame.subarray(0, 3));
    await new Promise((resolve) => setImmediate(resolve));
    peer.socket.write(Buffer.concat([frame.subarray(3), frame.subarray(0, 1)]));
    expect(acksIn(await peer.all())).toEqual(['', 'Server unavailable: the request was not complete after 30 ms']);
    expect(refused).toEqual(['incomplete']);
    peer.socket.destroy();
  });

  it('closes connections beyond its limit, if those it has were of use', async () => {
    const { address } = await serve(accept, { maxConnections: 2 });
    const peers = await Promise.all([1, 2].map(() => RawPeer.connect(address)));
    for (const peer of peers) peer.socket.write(requestFrame(PATH, 'x'));
    for (const peer of peers) await peer.received(4);
    const third = await RawPeer.connect(address);
    expect(await third.all()).toHaveLength(0);
    for (const peer of peers) {
      peer.socket.write(requestFrame(PATH, 'again'));
      await peer.received(8);
    }
    for (const { socket } of [...peers, third]) socket.destroy();
  });

  it('refuses those who send more than it may keep, and forgets it when they leave', async () => {
    const limits = { maxMessageBytes: 100_000, maxBufferedBytes: 100_000 };
    const { address } = await serve(accept, limits);
    const half = requestFrame(PATH, Buffer.alloc(90_000)).subarray(0, 60_000);
    const first = await RawPeer.connect(address);
    first.socket.write(half);
    await eventually('it was sent', () => first.socket.writableLength === 0);
    const second = await RawPeer.connect(address);
    second.socket.write(half);
    const overloaded = 'Server overloaded: too many bytes of requests are waiting';
    const told = await Promise.race([first.all(), second.all()]);
    expect(acksIn(told)).toEqual([overloaded]);
    expect(refused).toEqual(['overloaded']);
    for (const { socket } of [first, second]) socket.destroy();
    const third = await RawPeer.connect(address);
    third.socket.end(requestFrame(PATH, Buffer.alloc(90_000)));
    expect(acksIn(await third.all())).toEqual(['']);
  });

  it('reads no more requests than may be under way', async () => {
    const answers: Deferred<Uint8Array>[] = [];
    const { address } = await serve(() => (answers.push(deferred()), answers.at(-1)!.promise), { maxInFlight: 2 });
    const peer = await RawPeer.connect(address);
    peer.socket.end(Buffer.concat(Array.from({ length: 5 }, (_, i) => requestFrame(PATH, `${i}`))));
    for (let i = 0; i < 5; i++) {
      await eventually('it was read', () => answers.length > i);
      expect(answers.length).toBeLessThanOrEqual(i + 2);
      answers[i]!.resolve(Buffer.from(`${i}`));
    }
    expect(acksIn(await peer.all())).toEqual(['0', '1', '2', '3', '4']);
  });

  it('closes in the middle of everything', async () => {
    let seen = 0;
    const { plane, address } = await serve(() => ((seen += 1), new Promise(() => {})));
    const peer = await RawPeer.connect(address);
    peer.socket.write(Buffer.concat([requestFrame(PATH, 'x'), requestFrame(PATH, 'x').subarray(0, 3)]));
    const sent = open().client.send(address, Buffer.from('x'), {});
    sent.catch(() => {});
    await eventually('both were read', () => seen === 2);
    await plane.server.close();
    await plane.server.close();
    await expect(sent).rejects.toMatchObject(DISCONNECTED);
    await expect(plane.server.serve(TARGET, accept)).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    peer.socket.destroy();
  });

  it('does not serve what it was asked for while it was being closed', async () => {
    const plane = open();
    const serving = plane.server.serve(TARGET, accept);
    await Promise.all([plane.server.close(), expect(serving).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' })]);
  });
});

describe('a client of requests', () => {
  /** Reads the requests of a client as a worker would, and leaves the answers to the test. */
  const worker = async () => {
    const requests: { peer: RawPeer; payload: string }[] = [];
    const raw = await RawServer.listen((peer) => {
      const decoder = new RequestFrameDecoder();
      peer.socket.on('data', (chunk: Buffer) => {
        decoder.push(chunk);
        for (let frame = decoder.next(); frame; frame = decoder.next()) {
          requests.push({ peer, payload: text(frame.payload) });
        }
      });
    });
    return {
      raw,
      requests,
      address: `${raw.address}/${PATH}`,
      [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
    };
  };

  it('pipelines on one connection, and keeps it', async () => {
    await using fake = await worker();
    const { client } = open();
    const sent = Array.from({ length: 1000 }, (_, i) => client.send(fake.address, Buffer.from(`${i}`), {}));
    await eventually('all arrived', () => fake.requests.length === 1000);
    expect(fake.requests.map(({ payload }) => payload)).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
    fake.raw.peers[0]!.socket.write(Buffer.alloc(4000));
    await Promise.all(sent);
    const again = client.send(fake.address, Buffer.from('again'), {});
    await eventually('it arrived', () => fake.requests.length === 1001);
    fake.raw.peers[0]!.socket.write(Buffer.alloc(4));
    await again;
    expect(fake.raw.peers).toHaveLength(1);
  });

  it('opens connections when those it has are full, up to the size of its pool; the rest waits', async () => {
    await using fake = await worker();
    const { client } = open({ maxInFlight: 2, poolSize: 2 });
    const sent = Array.from({ length: 6 }, (_, i) => client.send(fake.address, Buffer.from(`${i}`), {}));
    await eventually('four arrived', () => fake.requests.length === 4);
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    expect([fake.raw.peers.length, fake.requests.length]).toEqual([2, 4]);
    for (const { socket } of fake.raw.peers) socket.write(Buffer.alloc(8));
    await eventually('all arrived', () => fake.requests.length === 6);
    for (const { peer } of fake.requests.slice(4)) peer.socket.write(Buffer.alloc(4));
    await Promise.all(sent);
    expect(fake.raw.peers).toHaveLength(2);
  });

  it('takes the connection with the fewest requests under way', async () => {
    await using fake = await worker();
    const { client } = open({ maxInFlight: 2 });
    const sent = Array.from({ length: 4 }, (_, i) => client.send(fake.address, Buffer.from(`${i}`), {}));
    await eventually('four arrived', () => fake.requests.length === 4);
    const { peer: free } = fake.requests.find(({ payload }) => payload === '2')!;
    const [busy] = fake.raw.peers.filter((peer) => peer !== free);
    free.socket.write(Buffer.alloc(8));
    await Promise.all(sent.slice(2));
    sent.push(client.send(fake.address, Buffer.from('4'), {}));
    await eventually('the fifth arrived', () => fake.requests.length === 5);
    expect(fake.requests[4]!.peer).toBe(free);
    free.socket.write(Buffer.alloc(4));
    busy!.socket.write(Buffer.alloc(8));
    await Promise.all(sent);
  });

  it('drops the answer that an aborted request still gets, and gives the next one to the next', async () => {
    await using fake = await worker();
    const { client } = open();
    const controller = new AbortController();
    const first = client.send(fake.address, Buffer.from('1'), {}, { signal: controller.signal });
    const second = client.send(fake.address, Buffer.from('2'), {});
    await eventually('both arrived', () => fake.requests.length === 2);
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
    fake.raw.peers[0]!.socket.write(Buffer.from('0000000161' + '0000000162', 'hex'));
    expect(text(await second)).toBe('b');
  });

  it('does not send what was aborted before its turn', async () => {
    await using fake = await worker();
    const { client } = open({ maxInFlight: 1, poolSize: 1 });
    const controller = new AbortController();
    const first = client.send(fake.address, Buffer.from('1'), {});
    const second = client.send(fake.address, Buffer.from('2'), {}, { signal: controller.signal });
    const third = client.send(fake.address, Buffer.from('3'), {});
    await eventually('one arrived', () => fake.requests.length === 1);
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
    const { peer } = fake.requests[0]!;
    peer.socket.write(Buffer.alloc(4));
    await first;
    await eventually('another one arrived', () => fake.requests.length === 2);
    peer.socket.write(Buffer.alloc(4));
    await third;
    expect(fake.requests.map(({ payload }) => payload)).toEqual(['1', '3']);
  });

  it('leaves a connection that answers nobody', async () => {
    await using fake = await worker();
    const { client } = open();
    const [quick, late] = [new AbortController(), new AbortController()];
    const first = client.send(fake.address, Buffer.from('1'), {}, { signal: quick.signal });
    const second = client.send(fake.address, Buffer.from('2'), {}, { signal: late.signal });
    await eventually('both arrived', () => fake.requests.length === 2);
    quick.abort();
    await expect(first).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
    expect(fake.raw.peers[0]!.hasEnded).toBe(false);
    late.abort();
    await expect(second).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
    await fake.raw.peers[0]!.all();
    const third = client.send(fake.address, Buffer.from('3'), {});
    (await fake.raw.peer(1)).socket.write(Buffer.alloc(4));
    await third;
  });

  it('closes a connection that nobody has used for a while', async () => {
    await using fake = await worker();
    const { client } = open({ idleTtlMs: 20 });
    for (let i = 0; i < 2; i++) {
      const sent = client.send(fake.address, Buffer.from('x'), {});
      const peer = await fake.raw.peer(i);
      peer.socket.write(Buffer.alloc(4));
      await sent;
      await peer.all();
    }
  });

  it('connects anew after its worker was restarted on the same port', async () => {
    const { plane, address } = await serve(accept);
    const { client } = open();
    await client.send(address, Buffer.from('x'), {});
    await plane.server.close();
    await eventually('the end was seen', async () => {
      const error = await client.send(address, Buffer.from('x'), {}).catch((reason: Error) => reason);
      return String(error).includes('ECONNREFUSED');
    });
    const port = Number(address.split(/[:/]/)[1]);
    await open({ port }).server.serve(TARGET, async () => Buffer.from('back'));
    expect(text(await client.send(address, Buffer.from('x'), {}))).toBe('back');
  });

  it.each<[string, (peer: RawPeer) => void]>([
    ['that ends', (peer) => peer.socket.end()],
    ['that is reset', (peer) => peer.socket.resetAndDestroy()],
    ['that acknowledges in more than a line', (peer) => peer.socket.write(Buffer.from('ffffffff', 'hex'))],
    ['that ends within an acknowledgement', (peer) => peer.socket.end(Buffer.from('0000000561', 'hex'))],
  ])('rejects what waits on a connection %s', async (_, hurt) => {
    await using fake = await worker();
    const { client } = open();
    const sent = [1, 2].map((i) => client.send(fake.address, Buffer.from(`${i}`), {}));
    await eventually('both arrived', () => fake.requests.length === 2);
    hurt(fake.raw.peers[0]!);
    for (const one of sent) await expect(one).rejects.toMatchObject(DISCONNECTED);
  });

  it('closes a connection that acknowledges what nobody sent', async () => {
    await using fake = await worker();
    const { client } = open();
    const sent = client.send(fake.address, Buffer.from('x'), {});
    const peer = await fake.raw.peer(0);
    peer.socket.write(Buffer.alloc(8));
    await sent;
    await peer.all();
  });

  it('does not send more than its limit', async () => {
    await using fake = await worker();
    const { client } = open({ maxMessageBytes: 2048 });
    await expect(client.send(fake.address, Buffer.alloc(2048), {})).rejects.toThrow(
      'PROFILED_MESSAGE_INVALID: a request of 2066 bytes is larger than the limit of 2048',
    );
    expect(fake.raw.peers).toHaveLength(0);
  });

  it('holds back what a worker does not read', async () => {
    await using raw = await RawServer.listen((peer) => peer.socket.pause());
    const { client } = open({ poolSize: 1 });
    const controllers = Array.from({ length: 64 }, () => new AbortController());
    const payload = Buffer.alloc(2 ** 20);
    const sent = controllers.map(({ signal }) => client.send(`${raw.address}/x`, payload, {}, { signal }));
    for (const one of sent) one.catch(() => {});
    const peer = await raw.peer(0);
    await eventually('the socket is full', () => peer.socket.readableLength > 0);
    for (const controller of controllers) controller.abort();
    await Promise.allSettled(sent);
    const arrived = deferred();
    peer.socket.on('end', arrived.resolve);
    peer.socket.resume();
    await client.close();
    await Promise.race([arrived.promise, once(peer.socket, 'close')]);
    expect(peer.length).toBeLessThan(48 * 2 ** 20);
  });

  it('rejects what is under way when it closes, and everything later', async () => {
    await using fake = await worker();
    const { client } = open({ maxInFlight: 1, poolSize: 1 });
    const sent = [1, 2].map((i) => client.send(fake.address, Buffer.from(`${i}`), {}));
    await eventually('one arrived', () => fake.requests.length === 1);
    const dialling = client.send('127.0.0.1:1/x', Buffer.from('x'), {});
    await client.close();
    await client.close();
    for (const one of [...sent, dialling]) await expect(one).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(client.send(fake.address, Buffer.from('x'), {})).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
  });

  it('lets go of the signal', async () => {
    const { address } = await serve(accept);
    const { signal } = new AbortController();
    const added = jest.spyOn(signal, 'addEventListener');
    const removed = jest.spyOn(signal, 'removeEventListener');
    await open().client.send(address, Buffer.from('x'), {}, { signal });
    expect([added.mock.calls.length, removed.mock.calls.length]).toEqual([1, 1]);
    expect(removed.mock.calls[0]![1]).toBe(added.mock.calls[0]![1]);
  });
});
