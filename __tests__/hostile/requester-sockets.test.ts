import fc from 'fast-check';
import type { Socket } from 'node:net';
import { encodeHandshake, encodePrologue, encodeWrapper, wrapItem } from '../../lib/wire/response-frames';
import { encodeTwoPart } from '../../lib/wire/two-part';
import { eventually } from '../support/eventually';
import { HOSTILE_JSON, mutated, withEachValue } from './mutations';
import { dial, inParallel, requestFrame, rest } from './peers';
import {
  ACCEPTED,
  FINAL,
  ITEM,
  READY,
  Requester,
  saying,
  type Script,
  SENTINEL,
  strangersHandshake,
  WHOLE,
} from './requester';
import { Traces } from './traces';

const CUT = 'error: Stream ended before generation completed';
const INVALID = expect.stringMatching(/^error: PROFILED_MESSAGE_INVALID: /) as string;
const KILL = 'kill';

let traces: Traces;
let requester: Requester;

beforeEach(() => (traces = new Traces()));
afterEach(async () => {
  await requester[Symbol.asyncDispose]();
  await traces.areGone();
  traces[Symbol.dispose]();
});

const open = async (options?: Parameters<typeof Requester.open>[0]) => (requester = await Requester.open(options));
const answers = async () => {
  requester.script = saying(WHOLE);
  expect(await requester.outcome()).toEqual(['"x"']);
};
const list = (...frames: Uint8Array[]) => Buffer.concat(frames);
const reset = (socket: Socket) => socket.resetAndDestroy();
const end = (socket: Socket) => socket.end();
const huge = Buffer.from(`${'0'.repeat(16)}8000000000000000${'0'.repeat(16)}`, 'hex');
const noise = Buffer.alloc(64, 0xff);
const body = (json: string) => encodeTwoPart('', json);

describe('a worker that answers a request with', () => {
  it.each<[string, Script, string | string[]]>([
    [
      'a refusal',
      ({ socket }) => socket.write(list(Buffer.of(0, 0, 0, 2), Buffer.from('no'))),
      'PROFILED_REQUEST_REJECTED',
    ],
    [
      'a refusal that is no UTF-8',
      ({ socket }) => socket.write(Buffer.of(0, 0, 0, 1, 0xff)),
      'PROFILED_REQUEST_REJECTED',
    ],
    ['an acknowledgement of 4 GiB', ({ socket }) => socket.write(noise), 'PROFILED_DISCONNECTED'],
    ['half an acknowledgement, then its end', ({ socket }) => socket.end(Buffer.of(0, 0)), 'PROFILED_DISCONNECTED'],
    ['a reset', ({ socket }) => socket.resetAndDestroy(), 'PROFILED_DISCONNECTED'],
    ['nothing', () => {}, 'PROFILED_TIMEOUT'],
    ['half an acknowledgement', ({ socket }) => socket.write(Buffer.of(0, 0)), 'PROFILED_TIMEOUT'],
    ['an acknowledgement and no call', ({ socket }) => socket.write(ACCEPTED), 'PROFILED_TIMEOUT'],
    ['a call that says nothing', saying(Buffer.of()), 'PROFILED_TIMEOUT'],
    ['half a prologue', saying(READY.subarray(0, 30)), 'PROFILED_TIMEOUT'],
    [
      'more acknowledgements than there were requests',
      async ({ socket, call }) => {
        await saying(WHOLE)({ socket, call });
        socket.write(ACCEPTED);
      },
      ['"x"'],
    ],
  ])('%s', async (_, script, outcome) => {
    const brief = { ackTimeoutMs: 60, handshakeTimeoutMs: 60, firstFrameTimeoutMs: 60 };
    await open(outcome === 'PROFILED_TIMEOUT' ? { limits: brief } : {});
    requester.script = script;
    expect(await requester.outcome()).toEqual(outcome);
    await requester.hangUp();
    await answers();
  });
});

describe('a worker that has called and', () => {
  it.each<[string, Buffer, (socket: Socket) => unknown, string | string[]]>([
    ['leaves', Buffer.of(), end, 'PROFILED_DISCONNECTED'],
    ['breaks', Buffer.of(), reset, 'PROFILED_DISCONNECTED'],
    ['sends noise', noise, () => {}, 'PROFILED_MESSAGE_INVALID'],
    ['sends a frame of 2^63 bytes', huge, () => {}, 'PROFILED_MESSAGE_INVALID'],
    ['sends an item first', list(ITEM, FINAL, SENTINEL), () => {}, 'PROFILED_MESSAGE_INVALID'],
    ['sends the sentinel first', SENTINEL, end, 'PROFILED_MESSAGE_INVALID'],
    ['sends an empty frame first', Buffer.alloc(24), end, 'PROFILED_MESSAGE_INVALID'],
    [
      'sends a prologue with a number',
      list(encodeTwoPart('{"error":7}', ''), SENTINEL),
      () => {},
      'PROFILED_MESSAGE_INVALID',
    ],
    [
      'sends a prologue with a body',
      list(encodeTwoPart('{"error":null}', 'x'), SENTINEL),
      () => {},
      'PROFILED_MESSAGE_INVALID',
    ],
    ['tells of a failure', list(encodePrologue('no'), SENTINEL), () => {}, 'PROFILED_REMOTE_ERROR'],
    ['tells of a failure and goes on', list(encodePrologue('no'), ITEM, ITEM, ITEM), () => {}, 'PROFILED_REMOTE_ERROR'],
    ['leaves after the prologue', READY, end, [CUT]],
    ['breaks after an item', list(READY, ITEM), end, ['"x"', CUT]],
    ['leaves in the middle of an item', list(READY, ITEM, ITEM.subarray(0, 40)), end, ['"x"', CUT]],
    ['ends without a final marker', list(READY, ITEM, SENTINEL), () => {}, ['"x"', CUT]],
    ['sends noise after an item', list(READY, ITEM, noise), () => {}, ['"x"', INVALID]],
    ['sends an item of 2^63 bytes', list(READY, ITEM, huge), () => {}, ['"x"', INVALID]],
    ['sends an item that is no JSON', list(READY, body('{')), () => {}, [INVALID]],
    [
      'sends an item that is no UTF-8',
      list(READY, encodeTwoPart('', Buffer.of(0x22, 0xff, 0x22))),
      () => {},
      [INVALID],
    ],
    ['sends an item that is no wrapper', list(READY, body('[]')), () => {}, [INVALID]],
    ['sends a wrapper of nothing', list(READY, body('{"complete_final":false}')), () => {}, [INVALID]],
    ['sends an unknown word', list(READY, encodeTwoPart('"pause"', '')), () => {}, [INVALID]],
    ['sends a word that is for workers', list(READY, encodeTwoPart('"stop"', '')), () => {}, [INVALID]],
    ['sends a word and data in one', list(READY, encodeTwoPart('"sentinel"', 'x')), () => {}, [INVALID]],
    [
      'sends an item after the end',
      list(READY, FINAL, ITEM),
      () => {},
      ['error: the worker sent an item after the end of its stream'],
    ],
    ['sends noise after the end', list(READY, ITEM, FINAL, noise), () => {}, ['"x"', INVALID]],
    ['leaves without a sentinel', list(READY, ITEM, FINAL), end, ['"x"']],
    ['sends two final markers', list(READY, FINAL, FINAL, SENTINEL), () => {}, []],
    ['sends noise after the sentinel', list(WHOLE, noise), () => {}, ['"x"']],
    [
      'sends deep data',
      list(
        READY,
        encodeWrapper(wrapItem(`{"data":${'['.repeat(1e5)}${']'.repeat(1e5)},"event":"error","comment":["deep"]}`)),
        FINAL,
        SENTINEL,
      ),
      () => {},
      ['error: deep'],
    ],
  ])('%s', async (_, bytes, then, outcome) => {
    await open();
    requester.script = saying(bytes, then);
    expect(await requester.outcome()).toEqual(outcome);
    // Nobody is left waiting: the requester closed its side, and said nothing but what the protocol has for it.
    const said = (await requester.heard[0]!).toString('latin1');
    expect(['', `"${KILL}"`]).toContain(said.slice(24));
    await answers();
  });

  it('is reset in the middle of its items', async () => {
    await open();
    requester.script = saying(list(READY, ITEM), (socket) => setImmediate(() => socket.resetAndDestroy()));
    const outcome = await requester.outcome();
    // A reset drops what was on its way, so that the prologue may be lost as well.
    expect([[CUT], ['"x"', CUT], 'PROFILED_DISCONNECTED']).toContainEqual(outcome);
    await answers();
  });

  it('sends what is almost right breaks only its own response', async () => {
    await open({ maxMessageBytes: 2 ** 20 });
    const responses = fc.sample(mutated([WHOLE, list(READY, ITEM, ITEM, FINAL, SENTINEL)]), {
      numRuns: 1_000,
      seed: 7,
    });
    const outcomes = new Set<string>();
    let next = 0;
    requester.script = (request) => saying(responses[next++]!, end)(request);
    await inParallel(responses.length, 20, async () => {
      const outcome = await requester.outcome();
      outcomes.add(typeof outcome === 'string' ? outcome : 'a stream');
    });
    expect([...outcomes].sort()).toEqual(['PROFILED_DISCONNECTED', 'PROFILED_MESSAGE_INVALID', 'a stream']);
    await answers();
  });

  it('puts a wrong value into each field of an item gives items, or an error', async () => {
    await open();
    const item = wrapItem('{"data":"x","id":"7","event":"token","comment":["x"],"error":{"message":"x"}}');
    const items = HOSTILE_JSON.flatMap((value) => [...withEachValue(item, value)]);
    let next = 0;
    requester.script = (request) => saying(list(READY, body(items[next++]!), FINAL, SENTINEL))(request);
    await inParallel(items.length, 10, async () => {
      expect((await requester.outcome()).length).toBeLessThanOrEqual(1);
    });
    await answers();
  });
});

describe('a connection to the response listener', () => {
  const CASES: [string, () => Uint8Array][] = [
    ['noise', () => noise],
    ['a handshake of 2^63 bytes', () => huge],
    ['a handshake of 100 KiB', () => encodeTwoPart('', Buffer.alloc(100 * 1024))],
    ['an empty frame', () => Buffer.alloc(24)],
    ['a handshake that is no JSON', () => encodeTwoPart('{', '')],
    ['a handshake with a list', () => encodeTwoPart('{"subject":[],"stream_type":"response"}', '')],
    ['a handshake for a request stream', () => encodeHandshake({ subject: 'x', streamType: 'request' })],
    [
      'a subject that is a name of every object',
      () => encodeHandshake({ subject: '__proto__', streamType: 'response' }),
    ],
    ['a subject that nobody waits for', strangersHandshake],
    ['an item', () => ITEM],
    ['a request', () => requestFrame('1f/n/c/e', Buffer.alloc(99))],
    ['HTTP', () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ];

  it.each(CASES)('that begins with %s is closed without a word', async (_, bytes) => {
    await open();
    const socket = await dial(await requester.home());
    socket.write(bytes());
    expect(await rest(socket)).toHaveLength(0);
    await answers();
  });

  it('comes five thousand times with something wrong, and leaves nothing', async () => {
    await open();
    const home = await requester.home();
    const barrage = (count: number) =>
      inParallel(count, 20, async (i) => {
        const socket = await dial(home);
        socket.write(CASES[i % CASES.length]![1]());
        await rest(socket);
      });
    await barrage(500);
    const before = await traces.restingMiB();
    await barrage(5_000);
    await eventually('the memory is given back', async () => (await traces.restingMiB()) - before < 4);
    await answers();
    // Two seconds on a machine that has nothing else to do.
  }, 60_000);

  it('that says too little is closed in time, while others are served', async () => {
    await open({ handshakeTimeoutMs: 80 });
    const home = await requester.home();
    const sockets = await Promise.all(Array.from({ length: 300 }, () => dial(home)));
    const handshake = strangersHandshake();
    const drips = sockets.map((socket, i) => {
      let at = 0;
      return setInterval(() => socket.writable && i % 3 > 0 && socket.write(handshake.subarray(at, (at += 1))), 10);
    });
    const over = Promise.all(sockets.map(rest));
    await answers();
    expect((await over).every((said) => said.length === 0)).toBe(true);
    for (const drip of drips) clearInterval(drip);
    await answers();
  });

  it('gives way, the oldest first, when there are too many that say nothing', async () => {
    await open({ maxHandshakes: 50 });
    const home = await requester.home();
    const sockets: Socket[] = [];
    for (let i = 0; i < 200; i++) sockets.push((await dial(home)).resume());
    await eventually('the oldest are closed', () =>
      sockets.slice(0, 150).every(({ destroyed, readableEnded }) => destroyed || readableEnded),
    );
    await answers();
    for (const socket of sockets) socket.destroy();
  });

  it('that is reset in the middle of its handshake leaves nothing', async () => {
    await open();
    const home = await requester.home();
    const handshake = strangersHandshake();
    await inParallel(500, 20, async (i) => {
      const socket = await dial(home);
      await new Promise((resolve) => socket.write(handshake.subarray(0, i % handshake.length), resolve));
      socket.resetAndDestroy();
    });
    await answers();
  });
});
