import fc from 'fast-check';
import type { Socket } from 'node:net';
import { encodeControl, encodePrologue, encodeWrapper, FINAL_WRAPPER, wrapItem } from '../../lib/wire/response-frames';
import { encodeTwoPart } from '../../lib/wire/two-part';
import type { ErrorType } from '../../lib/errors';
import { eventually } from '../support/eventually';
import { mutated } from './mutations';
import { acksIn, type Call, dial, Home, inParallel, type PayloadParts, payloadFor, requestFrame, rest } from './peers';
import { Traces } from './traces';
import { PATH, Worker } from './worker';

let traces: Traces;
let worker: Worker;

beforeEach(() => (traces = new Traces()));
afterEach(async () => {
  await worker[Symbol.asyncDispose]();
  await traces.areGone();
  traces[Symbol.dispose]();
});

const open = async (options?: Parameters<typeof Worker.open>[0]) => (worker = await Worker.open(options));
/** Sends one frame on a connection of its own; the acknowledgements. */
const send = async (frame: Uint8Array) => {
  const socket = await dial(worker.address);
  socket.end(frame);
  return acksIn(await rest(socket));
};

describe('a payload that is wrong', () => {
  const raw = (bytes: Uint8Array) => () => Buffer.from(bytes);
  const parts = (of: PayloadParts) => (address: string, id: string) => payloadFor(address, id, of);
  const without = (field: string) => parts({ control: ({ [field]: _, ...fields }) => fields });
  const having = (fields: Record<string, unknown>) => parts({ control: (all) => ({ ...all, ...fields }) });
  const info = (change: (info: Record<string, unknown>) => unknown) =>
    parts({
      info: ({ transport, info: text }) => ({
        transport,
        info: JSON.stringify(change(JSON.parse(text) as Record<string, unknown>)),
      }),
    });
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

  type Make = (address: string, id: string) => Uint8Array;
  /** `prologue` is what the requester is told; without it nobody calls. */
  const CASES: [name: string, type: ErrorType, make: Make, prologue?: RegExp][] = [
    ['nothing', 'deserialization', raw(Buffer.alloc(0))],
    ['less than a prefix', 'deserialization', raw(Buffer.alloc(23))],
    ['noise', 'deserialization', raw(Buffer.alloc(100, 0xff))],
    ['lengths of 2^63', 'deserialization', raw(Buffer.from('8000000000000000'.repeat(3), 'hex'))],
    ['half of a message', 'deserialization', (...to) => payloadFor(...to).subarray(0, 200)],
    ['a byte too many', 'deserialization', (...to) => Buffer.concat([payloadFor(...to), Buffer.of(0)])],
    ['a header that is no UTF-8', 'deserialization', raw(encodeTwoPart(Buffer.of(0x22, 0xc3, 0x22), '"hi"'))],
    ['a header that is no JSON', 'deserialization', raw(encodeTwoPart('{', '"hi"'))],
    ['a header that is a list', 'deserialization', raw(encodeTwoPart('[]', '"hi"'))],
    ['a header of many levels', 'deserialization', raw(encodeTwoPart(deep, '"hi"'))],
    [
      'a header that inherits all',
      'deserialization',
      parts({ control: (all) => JSON.parse(`{"__proto__":${JSON.stringify(all)}}`) }),
    ],
    ['no id', 'deserialization', without('id')],
    ['an id that is a number', 'deserialization', having({ id: 7 })],
    ['an id that is no Unicode', 'deserialization', having({ id: '\ud800' })],
    ['no request type', 'deserialization', without('request_type')],
    ['an unknown response type', 'deserialization', having({ response_type: 'none' })],
    ['no connection info', 'deserialization', without('connection_info')],
    ['a codec that is unknown', 'deserialization', having({ payload_codec: 'xml' })],
    ['metadata with a number', 'deserialization', having({ metadata: { a: 1 } })],
    ['no header', 'invalid_message', raw(encodeTwoPart('', '"hi"'))],
    ['neither part', 'invalid_message', raw(encodeTwoPart('', ''))],
    ['no body', 'invalid_message', parts({ body: '' }), /no body/],
    ['many_in', 'invalid_message', having({ request_type: 'many_in' }), /many_in/],
    ['a body that is no JSON', 'deserialization', parts({ body: '{"a":' }), /not valid JSON/],
    ['a body that is no UTF-8', 'deserialization', parts({ body: Buffer.of(0x22, 0xff, 0x22) }), /not valid UTF-8/],
    ['a body that does not fit', 'deserialization', parts({ body: '{"__proto__":{"polluted":1}}' }), /not text/],
    ['a body of many levels', 'deserialization', parts({ body: deep }), /not text/],
    ['a body in msgpack', 'deserialization', having({ payload_codec: 'msgpack' }), /msgpack is not supported/],
    ['another response plane', 'response_stream', parts({ info: (all) => ({ ...all, transport: 'quic' }) })],
    ['connection info that is no JSON', 'response_stream', parts({ info: (all) => ({ ...all, info: 'no' }) })],
    ['connection info of many levels', 'response_stream', parts({ info: (all) => ({ ...all, info: deep }) })],
    ['connection info of another request', 'response_stream', info((all) => ({ ...all, context: 'other' }))],
    ['a stream of requests', 'response_stream', info((all) => ({ ...all, stream_type: 'request' }))],
    ['no subject', 'response_stream', info(({ subject: _, ...all }) => all)],
    ['a host name', 'response_stream', info((all) => ({ ...all, address: 'localhost:80' }))],
    ['port 0', 'response_stream', info((all) => ({ ...all, address: '127.0.0.1:0' }))],
    ['port 99999', 'response_stream', info((all) => ({ ...all, address: '127.0.0.1:99999' }))],
    ['an address where nobody is', 'response_stream', info((all) => ({ ...all, address: '127.0.0.1:1' }))],
  ];

  it.each(CASES.map(([name, type, make, prologue]) => [name, type, make, prologue] as const))(
    'having %s counts as %s',
    async (_, type, make, prologue) => {
      await open();
      await using home = await Home.listen();
      expect(await send(requestFrame(PATH, make(home.address, 'id')))).toEqual(['']);
      if (prologue) {
        const { frames } = await home.over('id');
        expect(frames).toEqual([expect.stringMatching(prologue), '"sentinel"|']);
        expect(frames[0]).toMatch(/^\{"error":"PROFILED_MESSAGE_INVALID: /);
      }
      expect(await worker.settled()).toEqual({ requests: 1, cancellations: 0, errors: { [type]: 1 } });
      expect(home.connections).toBe(prologue ? 1 : 0);
      await worker.answers();
    },
  );

  it('comes twenty thousand times, and leaves nothing', async () => {
    await open();
    const payloads = CASES.filter(([, , , prologue]) => !prologue)
      .map(([, , make]) => make('127.0.0.1:1', 'id'))
      .filter(({ length }) => length < 10_000);
    const frames = Buffer.concat(payloads.map((payload) => requestFrame(PATH, payload)));
    const rounds = Math.ceil(20_000 / payloads.length);
    const barrage = (count: number) =>
      inParallel(count, 4, async () => expect(await send(frames)).toEqual(payloads.map(() => '')));
    await barrage(rounds / 10);
    await worker.settled();
    const before = await traces.restingMiB();
    await barrage(rounds);
    const { requests, errors } = await worker.settled();
    await eventually('the memory is given back', async () => (await traces.restingMiB()) - before < 4);
    expect(requests).toBeGreaterThan(20_000);
    expect(Object.values(errors).reduce((sum, count) => sum + count)).toBe(requests);
    await worker.answers();
    // Two seconds on a machine that has nothing else to do.
  }, 20_000);
});

describe('a connection of the request plane', () => {
  it('that is mutated in any way harms nobody else', async () => {
    await open({ frameTimeoutMs: 200 });
    await using home = await Home.listen({ onSocket: (socket) => !!socket.resume().end() });
    const frame = requestFrame(PATH, payloadFor(home.address, 'id'));
    const streams = fc.sample(mutated([frame, Buffer.concat([frame, frame, frame])]), { numRuns: 1_500, seed: 7 });
    await inParallel(streams.length, 20, async (i) => {
      for (const ack of await send(streams[i]!)) expect(ack).toMatch(/^$|^Server unavailable: /);
    });
    const { requests, cancellations, errors } = await worker.settled();
    const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
    expect(failed + cancellations).toBeLessThanOrEqual(requests);
    expect(Object.keys(errors)).not.toContain('publish_response');
    await worker.answers();
  });

  it.each<[string, Uint8Array, string[]]>([
    ['an unknown path', requestFrame('no/such', Buffer.from('x')), ['Server unavailable: unknown endpoint no/such']],
    [
      'a path that is a name of every object',
      requestFrame('__proto__', Buffer.of()),
      ['Server unavailable: unknown endpoint __proto__'],
    ],
    [
      'a payload of 4 GiB',
      Buffer.from('000000027b7dffffffff', 'hex'),
      [
        'Server unavailable: PROFILED_MESSAGE_INVALID: a request of 4294967305 bytes or more is larger than the limit of 33554432',
      ],
    ],
    ['half a frame', requestFrame(PATH, Buffer.alloc(99)).subarray(0, 50), []],
    ['nothing', Buffer.of(), []],
  ])('that carries %s is told so, and is in no metric', async (_, bytes, acks) => {
    await open();
    expect(await send(bytes)).toEqual(acks);
    expect(await worker.settled()).toEqual({ requests: 0, cancellations: 0, errors: {} });
    await worker.answers();
  });

  it('that drips its request is cut off in time, however often it moves', async () => {
    await open({ frameTimeoutMs: 60 });
    const frame = requestFrame(PATH, payloadFor('127.0.0.1:1', 'id'));
    const timers = eventually('each has its time limit', () => traces.timers >= 50);
    const lost = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = await dial(worker.address);
        let at = 0;
        const drip = setInterval(() => socket.writable && socket.write(frame.subarray(at, (at += 1))), 5);
        const said = acksIn(await rest(socket));
        clearInterval(drip);
        return said;
      }),
    );
    await timers;
    expect(lost).toEqual(lost.map(() => ['Server unavailable: the request was not complete after 60 ms']));
    expect(await worker.settled()).toMatchObject({ requests: 0 });
    await worker.answers();
  });

  it('that says nothing keeps nobody from being served; nor do five hundred', async () => {
    await open();
    const silent = await Promise.all(Array.from({ length: 500 }, () => dial(worker.address)));
    await worker.answers();
    for (const socket of silent) socket.destroy();
    expect(await worker.settled()).toMatchObject({ requests: 1 });
  });

  it('that is reset in the middle of a request leaves nothing', async () => {
    await open();
    const frame = requestFrame(PATH, payloadFor('127.0.0.1:1', 'id'));
    await inParallel(500, 20, async (i) => {
      const socket = await dial(worker.address);
      await new Promise((resolve) => socket.write(frame.subarray(0, 1 + (i % (frame.length - 1))), resolve));
      socket.resetAndDestroy();
    });
    expect(await worker.settled()).toMatchObject({ requests: 0 });
    await worker.answers();
  });

  it('that never reads its acknowledgements is not read either, and costs little', async () => {
    await open();
    const frames = Buffer.concat(Array<Buffer>(500).fill(requestFrame('x'.repeat(300), Buffer.of())));
    const before = await traces.restingMiB();
    const socket = (await dial(worker.address)).pause();
    for (let written = 0; written < 400 && socket.write(frames); written++) await new Promise(setImmediate);
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    const own = socket.writableLength / 2 ** 20;
    await eventually('the memory is given back', async () => (await traces.restingMiB()) - before - own < 4);
    await worker.answers();
    socket.resetAndDestroy();
  });
});

describe('a requester on the response connection', () => {
  const handshaken = (react: (socket: Socket) => void) => ({
    onFrame: ({ socket, frames }: Call) => {
      if (frames.length === 2) react(socket);
    },
  });
  const item = encodeWrapper(wrapItem('{"data":"x"}'));

  it.each<[string, (socket: Socket) => unknown]>([
    ['noise', (socket) => socket.write(Buffer.alloc(64, 0xff))],
    ['a sentinel', (socket) => socket.write(encodeControl('sentinel'))],
    ['an item', (socket) => socket.write(item)],
    ['a final marker', (socket) => socket.write(encodeWrapper(FINAL_WRAPPER))],
    ['a prologue', (socket) => socket.write(encodePrologue(null))],
    ['an empty frame', (socket) => socket.write(Buffer.alloc(24))],
    ['a frame of 2^63 bytes', (socket) => socket.write(Buffer.from('8000000000000000'.repeat(3), 'hex'))],
    ['a word that is no word', (socket) => socket.write(encodeTwoPart('"pause"', ''))],
    ['a word and data', (socket) => socket.write(encodeTwoPart('"stop"', 'x'))],
    ['half a word and its end', (socket) => socket.end(encodeControl('stop').subarray(0, 20))],
    ['its end', (socket) => socket.end()],
    ['a reset', (socket) => socket.resetAndDestroy()],
    ['a kill and noise', (socket) => socket.write(Buffer.concat([encodeControl('kill'), Buffer.alloc(64, 0xff)]))],
    ['a thousand kills', (socket) => socket.write(Buffer.concat(Array<Buffer>(1000).fill(encodeControl('kill'))))],
    ['a thousand stops', (socket) => socket.write(Buffer.concat(Array<Buffer>(1000).fill(encodeControl('stop'))))],
    ['a stop and noise', (socket) => socket.write(Buffer.concat([encodeControl('stop'), Buffer.alloc(64, 0xff)]))],
  ])('that sends %s cancels its request and nothing else', async (_, react) => {
    await open();
    await using home = await Home.listen(handshaken(react));
    expect(await send(requestFrame(PATH, payloadFor(home.address, 'id', { body: '"endless"' })))).toEqual(['']);
    await home.over('id');
    expect(await worker.settled()).toEqual({ requests: 1, cancellations: 1, errors: {} });
    await worker.answers();
  });

  it('that sends noise once everything was said has cancelled nothing', async () => {
    await open();
    await using home = await Home.listen({
      onFrame: ({ socket, hasSentinel }) => void (hasSentinel && socket.write(Buffer.alloc(500, 0xff))),
    });
    await send(requestFrame(PATH, payloadFor(home.address, 'id')));
    await home.over('id');
    expect(await worker.settled()).toEqual({ requests: 1, cancellations: 0, errors: {} });
  });

  it('that never ends the connection is left in time', async () => {
    await open({ finTimeoutMs: 50 });
    const sockets: Socket[] = [];
    await using home = await Home.listen({ onSocket: (socket) => !!sockets.push(socket.resume()) });
    await send(requestFrame(PATH, payloadFor(home.address, 'id')));
    await eventually('the worker left', () => sockets[0]?.destroyed === true || sockets[0]?.readableEnded === true);
    expect(await worker.settled()).toEqual({ requests: 1, cancellations: 0, errors: {} });
  });

  it('that never reads holds up its own request only, until it leaves', async () => {
    await open();
    const sockets: Socket[] = [];
    await using home = await Home.listen({ onSocket: (socket) => !!sockets.push(socket.pause()) });
    const before = await traces.restingMiB();
    for (let i = 0; i < 3; i++) await send(requestFrame(PATH, payloadFor(home.address, `${i}`, { body: '"big"' })));
    await eventually('all have called', () => sockets.length === 3);
    await worker.answers();
    for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
    expect(worker.running).toBe(3);
    // For each the frames that its worker may be ahead, and what this side's sockets have read ahead.
    expect((await traces.restingMiB()) - before).toBeLessThan(3 * 9);
    for (const socket of sockets) socket.resetAndDestroy();
    expect(await worker.settled()).toEqual({ requests: 4, cancellations: 3, errors: {} });
  });

  it('that leaves before the handshake has cancelled, unless it was faster than the dial', async () => {
    await open();
    await using home = await Home.listen({ onSocket: (socket) => !!socket.resetAndDestroy() });
    await inParallel(300, 10, async (i) => {
      await send(requestFrame(PATH, payloadFor(home.address, `${i}`, { body: '"endless"' })));
    });
    const { requests, cancellations, errors } = await worker.settled();
    expect([requests, cancellations + (errors.response_stream ?? 0)]).toEqual([300, 300]);
    expect(Object.keys(errors).filter((type) => type !== 'response_stream')).toEqual([]);
    await worker.answers();
  });
});
