import { randomUUID } from 'node:crypto';
import net, { Socket } from 'node:net';
import { deferred } from '../../../lib/internal/deferred';
import type { TcpOptions } from '../../../lib/transports/tcp/options';
import { tcpResponsePlane } from '../../../lib/transports/tcp/planes';
import { READ_AHEAD_BYTES } from '../../../lib/transports/tcp/response-receiver';
import type { ResponsePlane, ResponseReceiver, WorkerEvent } from '../../../lib/transports/transport';
import { encodeConnectionInfo } from '../../../lib/wire/connection-info';
import { encodeControl, encodeHandshake, encodePrologue, encodeWrapper } from '../../../lib/wire/response-frames';
import { encodeTwoPart, TwoPartDecoder } from '../../../lib/wire/two-part';
import { eventually } from '../../support/eventually';
import { noSocketIsLeft, RawPeer, RawServer } from './raw';

const DISCONNECTED = { code: 'PROFILED_DISCONNECTED' };
const frame = (body: string) => encodeTwoPart('', body);
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('utf8', 24);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await turn();
};

const planes: ResponsePlane[] = [];
const open = (options: TcpOptions = {}) => {
  const plane = tcpResponsePlane({ host: '127.0.0.1', ...options });
  planes.push(plane);
  return plane;
};

afterEach(async () => {
  await Promise.all(planes.splice(0).flatMap(({ server, client }) => [server.close(), client.close()]));
  await noSocketIsLeft();
});

describe('a worker', () => {
  const dial = async (raw: RawServer, options: TcpOptions = {}) => {
    const events: WorkerEvent[] = [];
    const subject = randomUUID();
    const info = encodeConnectionInfo({ address: raw.address, subject, context: 'id', streamType: 'response' });
    const onEvent = (event: WorkerEvent) => void events.push(event);
    const sender = await open(options).client.dial(info, 'id', { onEvent });
    return { sender, events, subject, peer: await raw.peer(0) };
  };

  it('sends its handshake first, and what belongs to one tick in one piece', async () => {
    await using raw = await RawServer.listen();
    const { sender, peer, subject } = await dial(raw);
    const handshake = encodeHandshake({ subject, streamType: 'response' });
    expect(await peer.received(handshake.length)).toEqual(handshake);
    const pieces: Buffer[] = [];
    peer.socket.on('data', (chunk: Buffer) => pieces.push(chunk));
    const frames = [encodePrologue(null), frame('a'), frame('b'), frame('c')];
    for (const one of frames) expect(sender.send(one)).toBeUndefined();
    await peer.received(handshake.length + Buffer.concat(frames).length);
    expect(pieces).toEqual([Buffer.concat(frames)]);
    sender.destroy();
  });

  it('leaves it to the requester to end first after the sentinel', async () => {
    await using raw = await RawServer.listen();
    const { sender, peer, events } = await dial(raw);
    await sender.send(encodeControl('sentinel'));
    const ended = sender.end();
    const received = await peer.received(90);
    expect(received.subarray(-34)).toEqual(encodeControl('sentinel'));
    await turns(5);
    expect(peer.hasEnded).toBe(false);
    peer.socket.end();
    await ended;
    expect(events).toEqual([]);
  });

  it('takes a reset after its sentinel for the end', async () => {
    await using raw = await RawServer.listen();
    const { sender, peer, events } = await dial(raw);
    await sender.send(encodeControl('sentinel'));
    const ended = sender.end();
    await peer.received(90);
    peer.socket.resetAndDestroy();
    await ended;
    await sender.end();
    expect(events).toEqual([]);
    await expect(sender.send(frame('x'))).rejects.toMatchObject(DISCONNECTED);
  });

  it('ends its direction itself without a sentinel', async () => {
    await using raw = await RawServer.listen();
    const { sender, peer } = await dial(raw);
    await sender.send(frame('cut'));
    const ended = sender.end();
    expect((await peer.all()).toString()).toMatch(/cut$/);
    expect(peer.error).toBeUndefined();
    peer.socket.end();
    await ended;
  });

  it('waits for the FIN no longer than its limit, and loses nothing by that', async () => {
    await using raw = await RawServer.listen(({ socket }) => socket.pause());
    const { sender, peer } = await dial(raw, { finTimeoutMs: 20 });
    const body = 'x'.repeat(1000);
    for (let i = 0; i < 64; i++) await sender.send(frame(body));
    await sender.end();
    peer.socket.resume();
    const sent = 64 * (24 + body.length);
    expect((await peer.all()).length).toBeGreaterThan(sent);
    expect(peer.error).toBeUndefined();
  });

  it('waits for a slow reader for as long as that takes, before it counts the time', async () => {
    await using raw = await RawServer.listen(({ socket }) => socket.pause());
    const { sender, peer } = await dial(raw, { finTimeoutMs: 1 });
    const block = frame('x'.repeat(64 * 1024));
    for (let isStuck = false; !isStuck;) {
      const waiting = sender.send(block);
      if (waiting) isStuck = await Promise.race([waiting.then(() => false), turns(20).then(() => true)]);
    }
    const ended = sender.end();
    let isOver = false;
    void ended.then(() => (isOver = true));
    await turns(20);
    expect(isOver).toBe(false);
    peer.socket.resume();
    await ended;
    await peer.all();
    expect(peer.error).toBeUndefined();
  });

  it('hears stop and kill, whatever pieces they come in', async () => {
    await using raw = await RawServer.listen();
    const { peer, events, sender } = await dial(raw);
    const words = Buffer.concat([encodeControl('stop'), encodeControl('kill')]);
    for (const byte of words) {
      peer.socket.write(Buffer.of(byte));
      await turn();
    }
    await eventually('both were heard', () => events.length === 2);
    peer.socket.end();
    await eventually('the end was heard', () => events.length === 3);
    expect(events).toEqual(['stop', 'kill', 'disconnect']);
    await expect(sender.send(frame('x'))).rejects.toMatchObject(DISCONNECTED);
  });

  it.each([
    ['a sentinel', encodeControl('sentinel')],
    ['data', frame('data')],
    ['a word that is none', encodeTwoPart('"pause"', '')],
    ['what is no JSON', encodeTwoPart('stop', '')],
    ['what is no frame', Buffer.alloc(64, 0xff)],
    ['a frame of a gigabyte', Buffer.from('0000000040000000' + '0'.repeat(32), 'hex')],
  ])('takes %s for a kill, and nothing after it for a word', async (_, bytes) => {
    await using raw = await RawServer.listen();
    const { peer, events } = await dial(raw);
    peer.socket.end(Buffer.concat([bytes, encodeControl('stop')]));
    await eventually('the end was heard', () => events.includes('disconnect'));
    expect(events).toEqual(['kill', 'disconnect']);
  });

  it('hears of a reset', async () => {
    await using raw = await RawServer.listen();
    const { peer, events } = await dial(raw);
    peer.socket.resetAndDestroy();
    await eventually('it was heard', () => events.length === 1);
    expect(events).toEqual(['disconnect']);
  });

  it('lets its handler wait by bytes as well as by frames', async () => {
    await using raw = await RawServer.listen(({ socket }) => socket.pause());
    const { sender } = await dial(raw);
    expect(sender.send(Buffer.alloc(6 * 2 ** 20))).toBeUndefined();
    const waiting = sender.send(Buffer.alloc(6 * 2 ** 20));
    expect(waiting).toBeInstanceOf(Promise);
    sender.destroy();
    sender.destroy();
    await expect(waiting).rejects.toMatchObject(DISCONNECTED);
    await sender.end();
  });

  it('counts frames by its option', async () => {
    await using raw = await RawServer.listen();
    const { sender } = await dial(raw, { frameBuffer: 2 });
    await turn();
    expect([sender.send(frame('1')), sender.send(frame('2'))]).toEqual([undefined, undefined]);
    await sender.send(frame('3'));
    expect(sender.send(frame('4'))).toBeUndefined();
    sender.destroy();
  });

  it('leaves the event loop to others when its handler never waits for anything else', async () => {
    await using raw = await RawServer.listen(({ socket }) => socket.resume());
    const { sender } = await dial(raw, { frameBuffer: 8 });
    let turnsOfOthers = 0;
    let immediate = setImmediate(function again() {
      turnsOfOthers += 1;
      immediate = setImmediate(again);
    });
    for (let i = 0; i < 900; i++) await sender.send(frame('x'));
    clearImmediate(immediate);
    expect(turnsOfOthers).toBeGreaterThanOrEqual(100);
    sender.destroy();
  });

  it('writes what lies together in memory, and what does not, in the order of the frames', async () => {
    await using raw = await RawServer.listen();
    const { sender, peer, subject } = await dial(raw, { frameBuffer: 100 });
    const memory = Buffer.from(Array.from({ length: 40 }, (_, i) => i));
    const other = Buffer.from([200, 201]);
    const cuts = [memory.subarray(0, 3), memory.subarray(3, 9), other, memory.subarray(9, 10), memory.subarray(20, 40)];
    for (const cut of cuts) expect(sender.send(cut)).toBeUndefined();
    const expected = Buffer.concat([encodeHandshake({ subject, streamType: 'response' }), ...cuts]);
    expect(await peer.received(expected.length)).toEqual(expected);
    sender.destroy();
  });

  it.each(['localhost:80', '127.0.0.1', 'nonsense'])('does not dial %s', async (address) => {
    const info = encodeConnectionInfo({ address, subject: 's', context: 'id', streamType: 'response' });
    await expect(open().client.dial(info, 'id', { onEvent: () => {} })).rejects.toThrow(
      'PROFILED_MESSAGE_INVALID: `address` must be of the form ip:port',
    );
  });

  it('gives up dialling after its limit, and when it is closed', async () => {
    // An address that answers nobody: the documentation's own.
    const never = new Socket();
    const connect = jest.spyOn(net, 'connect').mockReturnValue(never);
    try {
      const info = encodeConnectionInfo({
        address: '192.0.2.1:9',
        subject: 's',
        context: 'id',
        streamType: 'response',
      });
      const { client } = open({ connectTimeoutMs: 20 });
      await expect(client.dial(info, 'id', { onEvent: () => {} })).rejects.toThrow(
        'PROFILED_DISCONNECTED: 192.0.2.1:9 can not be reached: no answer within 20 ms',
      );
      const patient = open();
      const dialling = patient.client.dial(info, 'id', { onEvent: () => {} });
      await Promise.all([expect(dialling).rejects.toMatchObject(DISCONNECTED), patient.client.close()]);
      await expect(patient.client.dial(info, 'id', { onEvent: () => {} })).rejects.toMatchObject(DISCONNECTED);
      expect(connect).toHaveBeenCalledTimes(2);
    } finally {
      connect.mockRestore();
    }
  });

  it('dials again when the machine is short of ports, and only then', async () => {
    await using raw = await RawServer.listen();
    const real = net.connect;
    const connect = jest.spyOn(net, 'connect').mockImplementationOnce(() => {
      const socket = new Socket();
      process.nextTick(() => socket.destroy(Object.assign(new Error('no port'), { code: 'EADDRNOTAVAIL' })));
      return socket;
    });
    connect.mockImplementation(real);
    try {
      const { sender } = await dial(raw);
      expect(connect).toHaveBeenCalledTimes(2);
      sender.destroy();
    } finally {
      connect.mockRestore();
    }
  });
});

describe('a requester', () => {
  const expectOne = async (options: TcpOptions = {}) => {
    const { server } = open(options);
    const pending = await server.expect('id');
    const { address, subject } = JSON.parse(pending.connectionInfo.info) as { address: string; subject: string };
    return { server, pending, address, handshake: encodeHandshake({ subject, streamType: 'response' }), subject };
  };
  const connected = async (options: TcpOptions = {}) => {
    const { pending, address, handshake, server } = await expectOne(options);
    const peer = await RawPeer.connect(address);
    peer.socket.write(handshake);
    return { peer, receiver: await pending.connected, server };
  };
  const readAll = async (receiver: ResponseReceiver) => {
    const bodies: (string | undefined)[] = [];
    for (let bytes = await receiver.receive(); bytes; bytes = await receiver.receive()) bodies.push(text(bytes));
    return bodies;
  };

  it('says where it is, in the words of the protocol', async () => {
    const { pending } = await expectOne();
    expect(pending.connectionInfo.transport).toBe('tcp_server');
    expect(pending.connectionInfo.info).toMatch(
      /^\{"address":"127\.0\.0\.1:\d+","subject":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}","context":"id","stream_type":"response"\}$/,
    );
    const v6 = await expectOne({ host: '::1' });
    expect(v6.address).toMatch(/^\[::1\]:\d+$/);
  });

  it('takes handshake, prologue and items in one piece, or byte by byte', async () => {
    const { pending, address, handshake, server } = await expectOne();
    const stream = [
      encodePrologue(null),
      encodeWrapper('{"data":1,"complete_final":false}'),
      encodeControl('sentinel'),
    ];
    const whole = await RawPeer.connect(address);
    whole.socket.end(Buffer.concat([handshake, ...stream]));
    const bodies = ['{"error":null}', '{"data":1,"complete_final":false}', '"sentinel"'];
    expect(await readAll(await pending.connected)).toEqual(bodies);

    const second = await server.expect('id');
    const { subject } = JSON.parse(second.connectionInfo.info) as { subject: string };
    const slow = await RawPeer.connect(address);
    const reading = second.connected.then(readAll);
    for (const byte of Buffer.concat([encodeHandshake({ subject, streamType: 'response' }), ...stream])) {
      slow.socket.write(Buffer.of(byte));
      await turn();
    }
    slow.socket.end();
    expect(await reading).toEqual(bodies);
  });

  it.each<[string, (handshake: Buffer, subject: string) => Buffer]>([
    ['another subject', () => encodeHandshake({ subject: randomUUID(), streamType: 'response' })],
    ['a stream of another type', (_, subject) => encodeHandshake({ subject, streamType: 'request' })],
    ['another frame', () => frame('x')],
    ['garbage', () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n')],
    ['a frame of a gigabyte', () => Buffer.from('0000000040000000' + '0'.repeat(32), 'hex')],
    [
      'much, and no frame',
      () => Buffer.concat([Buffer.from('0000000000fffff0' + '0'.repeat(32), 'hex'), Buffer.alloc(70_000)]),
    ],
  ])('closes a connection that begins with %s, and goes on expecting', async (_, bytes) => {
    const { pending, address, handshake, subject } = await expectOne();
    const bad = await RawPeer.connect(address);
    bad.socket.write(bytes(handshake, subject));
    expect(await bad.all()).toHaveLength(0);
    const good = await RawPeer.connect(address);
    good.socket.end(handshake);
    expect(await readAll(await pending.connected)).toEqual([]);
  });

  it('gives a handshake its time limit', async () => {
    const { pending, address, handshake } = await expectOne({ handshakeTimeoutMs: 20 });
    const slow = await RawPeer.connect(address);
    slow.socket.write(handshake.subarray(0, 30));
    const left = await RawPeer.connect(address);
    left.socket.end(handshake.subarray(0, 30));
    expect([await slow.all(), await left.all()]).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
    pending.cancel(new Error('enough'));
    await expect(pending.connected).rejects.toThrow('enough');
  });

  it('closes the oldest of too many that have not introduced themselves', async () => {
    const { pending, address, handshake } = await expectOne({ maxHandshakes: 2 });
    const flood: RawPeer[] = [];
    for (let i = 0; i < 5; i++) flood.push(await RawPeer.connect(address));
    for (const peer of flood.slice(0, 3)) expect(await peer.all()).toHaveLength(0);
    const good = await RawPeer.connect(address);
    good.socket.end(Buffer.concat([handshake, frame('x')]));
    expect(await readAll(await pending.connected)).toEqual(['x']);
  });

  it.each<[string, (peer: RawPeer) => unknown]>([
    ['in order', (peer) => peer.socket.end()],
    ['within a frame', (peer) => peer.socket.end(frame('cut').subarray(0, -1))],
    ['within a prefix', (peer) => peer.socket.end(Buffer.alloc(5))],
    ['by a reset', (peer) => peer.socket.resetAndDestroy()],
  ])('sees the end of a worker that ends %s', async (_, end) => {
    const { peer, receiver } = await connected();
    peer.socket.write(frame('first'));
    expect(text(await receiver.receive())).toBe('first');
    const next = receiver.receive();
    end(peer);
    expect(await next).toBeUndefined();
    expect(await receiver.receive()).toBeUndefined();
    receiver.control('stop');
    receiver.close();
    receiver.close();
  });

  it.each([true, false])('refuses a frame that is too large (while it is awaited: %s)', async (isAwaited) => {
    const { peer, receiver } = await connected({ maxMessageBytes: 2048 });
    const bad = Buffer.concat([
      frame('good'),
      Buffer.from('0000000000000000' + '0000000000000800' + '0'.repeat(16), 'hex'),
    ]);
    if (!isAwaited) {
      peer.socket.write(bad);
      await eventually('it was sent', () => peer.socket.writableLength === 0);
    }
    const first = receiver.receive();
    if (isAwaited) peer.socket.write(bad);
    expect(text(await first)).toBe('good');
    await expect(receiver.receive()).rejects.toThrow('larger than the limit of 2048');
    expect(await receiver.receive()).toBeUndefined();
    await peer.all();
  });

  it('tells a reader that waits of bytes that are no frame', async () => {
    const { peer, receiver } = await connected();
    const waiting = receiver.receive();
    peer.socket.write(Buffer.alloc(24, 0xff));
    await expect(waiting).rejects.toMatchObject({ code: 'PROFILED_MESSAGE_INVALID' });
    expect(await receiver.receive()).toBeUndefined();
    await peer.all();
  });

  it('hands over at once what is here whole, and leaves everything else to those who wait', async () => {
    const { peer, receiver } = await connected();
    expect(receiver.receiveNow?.()).toBeUndefined();
    peer.socket.write(Buffer.concat([frame('1'), frame('2'), frame('3'), frame('4').subarray(0, 20)]));
    expect(text(await receiver.receive())).toBe('1');
    expect(text(receiver.receiveNow?.())).toBe('2');
    expect(text(receiver.receiveNow?.())).toBe('3');
    expect(receiver.receiveNow?.()).toBeUndefined();
    const waiting = receiver.receive();
    expect(receiver.receiveNow?.()).toBeUndefined();
    peer.socket.write(Buffer.concat([frame('4').subarray(20), Buffer.alloc(24, 0xff)]));
    expect(text(await waiting)).toBe('4');
    expect(receiver.receiveNow?.()).toBeUndefined();
    await expect(receiver.receive()).rejects.toMatchObject({ code: 'PROFILED_MESSAGE_INVALID' });
    expect(receiver.receiveNow?.()).toBeUndefined();
    await peer.all();
  });

  it('says each word once, before the end', async () => {
    const { peer, receiver } = await connected();
    for (const word of ['stop', 'stop', 'kill', 'stop', 'kill'] as const) receiver.control(word);
    receiver.close();
    receiver.control('stop');
    expect(await peer.all()).toEqual(Buffer.concat([encodeControl('stop'), encodeControl('kill')]));
  });

  it('says them also to a worker that is stuck because nobody reads', async () => {
    const { peer, receiver } = await connected();
    const block = frame('x'.repeat(2 ** 20));
    while (peer.socket.write(block) || peer.socket.writableLength < 8 * block.length) await turn();
    receiver.control('kill');
    const word = deferred<Buffer>();
    const decoder = new TwoPartDecoder();
    peer.socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      word.resolve(Buffer.from(decoder.nextFrame()!));
    });
    expect(await word.promise).toEqual(encodeControl('kill'));
    receiver.close();
    await peer.all();
  });

  it('reads no further ahead than it says', async () => {
    const { peer, receiver } = await connected();
    const block = frame('x'.repeat(64 * 1024));
    const total = 1024;
    let before = 0;
    for (let i = 0; i < total; i++) peer.socket.write(block);
    const taken = () => total * block.length - peer.socket.writableLength;
    await eventually('it stands still', async () => {
      before = taken();
      await turns(20);
      return taken() === before;
    });
    const kernel = 24 * 2 ** 20;
    expect(taken()).toBeLessThan(READ_AHEAD_BYTES + kernel);
    const arrayBuffers = process.memoryUsage().arrayBuffers;
    expect(arrayBuffers).toBeLessThan(200 * 2 ** 20);
    peer.socket.end();
    let frames = 0;
    while (await receiver.receive()) frames += 1;
    expect(frames).toBe(total);
  });

  it('wakes its reader when it closes, and drops what waits', async () => {
    const { peer, receiver } = await connected();
    const waiting = receiver.receive();
    receiver.close();
    expect(await waiting).toBeUndefined();
    const second = await connected();
    second.peer.socket.write(Buffer.concat([frame('1'), frame('2')]));
    await second.receiver.receive();
    second.receiver.close();
    expect(await second.receiver.receive()).toBeUndefined();
    await Promise.all([peer.all(), second.peer.all()]);
  });

  it('closes in the middle of everything', async () => {
    const { server, receiver } = await connected();
    const pending = await server.expect('another');
    const { address } = JSON.parse(pending.connectionInfo.info) as { address: string };
    const silent = await RawPeer.connect(address);
    const waiting = receiver.receive();
    await Promise.all([server.close(), server.close()]);
    expect(await waiting).toBeUndefined();
    await expect(pending.connected).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    expect(await silent.all()).toHaveLength(0);
    await expect(server.expect('id')).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(RawPeer.connect(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('does not expect what it was asked for while it was being closed', async () => {
    const { server } = open();
    const expecting = server.expect('id');
    await Promise.all([server.close(), expect(expecting).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' })]);
  });
});
