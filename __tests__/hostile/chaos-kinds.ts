import type { ErrorType } from '../../lib/errors';
import { encodeControl } from '../../lib/wire/response-frames';
import { encodeTwoPart } from '../../lib/wire/two-part';
import { type Driver, newContext, type Sending } from './chaos-driver';
import type { Task } from './chaos-worker';
import { acksIn, type Call } from './peers';

/** A whole number from 0 up to, and without, `below`. */
export type Random = (below: number) => number;

/** Random numbers that are the same for the same seed (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** One request of a kind, and what it does to the driver's tallies. Throws if the answer is not as it has to be. */
type Kind = (driver: Driver, random: Random) => Promise<void>;

const task = (what: Task['do'], n = 0): { readonly task: Task } => ({ task: { do: what, n } });
const ENDLESS = task('endless');

const READY = '{"error":null}|';
const FINAL = '|{"complete_final":true}';

/** `react` once the handshake and so many frames are there. */
const after = (frames: number, react: (call: Call) => void): Pick<Sending, 'onFrame'> => {
  let heard = 0;
  return { onFrame: (call) => void (heard++ === frames && react(call)) };
};

function check(what: string, holds: boolean, call: Call): void {
  if (!holds) throw new Error(`${what}: ${JSON.stringify(call.frames)}`);
}

/** The response of a request that nobody cancels: a prologue, so many items, then the final marker if there is one. */
function checkWhole(call: Call, items: number, hasFinal = true): void {
  const { frames } = call;
  check('the stream has begun', frames[0] === READY, call);
  check(
    'it has its items, its end and its sentinel',
    frames.length === items + (hasFinal ? 3 : 2) && call.hasSentinel,
    call,
  );
  check('it has a final marker', (frames.at(-2) === FINAL) === hasFinal, call);
}

/** The request is refused before its stream, and the requester is told. */
const refused =
  (type: ErrorType, sending: Omit<Sending, 'task'> & Partial<Sending>): Kind =>
  async (driver) => {
    const call = await driver.ask('whole', { ...task('count'), ...sending });
    if (!call) return;
    driver.tallies.whole.fail(type);
    check('the prologue tells of an error', call.frames.length === 2 && /^\{"error":"/.test(call.frames[0]!), call);
  };

/** Nobody can be told. */
const silent =
  (type: ErrorType, sending: Omit<Sending, 'task'>): Kind =>
  async (driver) => {
    if (await driver.tell('whole', { ...task('count'), ...sending })) driver.tallies.whole.fail(type);
  };

const unreadable =
  (type: ErrorType, payload: Buffer): Kind =>
  async (driver) => {
    if (await driver.send('whole', payload)) driver.tallies.whole.fail(type);
  };

const failing =
  (type: ErrorType, what: Task['do'], extraItems: number, hasFinal: boolean): Kind =>
  async (driver, random) => {
    const n = 1 + random(9);
    const call = await driver.ask('whole', task(what, n));
    if (!call) return;
    driver.tallies.whole.fail(type);
    checkWhole(call, n + extraItems, hasFinal);
  };

/** The driver leaves an endless stream in the middle. */
const cancelling =
  (leave: (call: Call) => void): Kind =>
  async (driver, random) => {
    if (await driver.ask('cut', { ...ENDLESS, ...after(random(6), leave) })) driver.tallies.cut.cancellations += 1;
  };

/** Bytes that are no request; why they are refused, and what is said to them. */
const noRequest =
  (reason: string, bytes: Buffer, acks: RegExp): Kind =>
  async (driver) => {
    driver.refusals[reason]! += 1;
    const said = acksIn(await driver.raw(bytes)).join();
    if (!acks.test(said)) throw new Error(`the worker said ${said}`);
  };

/** How often each kind comes, and what it is. */
export const KINDS: Readonly<Record<string, readonly [weight: number, kind: Kind]>> = {
  normal: [
    24,
    async (driver, random) => {
      const n = random(20);
      const call = await driver.ask('whole', task('count', n));
      if (call) checkWhole(call, n);
    },
  ],
  'normal, by the client': [
    8,
    async (driver, random) => {
      const n = random(20);
      const stream = await driver.call('whole', task('count', n).task, {});
      if (!stream) return;
      let items = 0;
      for await (const item of stream) items += item.isError ? NaN : 1;
      if (items !== n) throw new Error(`${items} items for ${n}`);
    },
  ],
  'request connection reset': [4, (driver, random) => driver.askAndReset('whole', task('count', random(9)).task)],
  stop: [
    6,
    async (driver, random) => {
      const stop = after(random(6), ({ socket }) => void socket.write(encodeControl('stop')));
      const call = await driver.ask('whole', { ...ENDLESS, ...stop });
      if (!call) return;
      driver.tallies.whole.cancellations += 1;
      check('a stopped stream has its final marker and no sentinel', call.frames.at(-1) === FINAL, call);
    },
  ],
  'stop at the end': [
    6,
    async (driver, random) => {
      const n = random(60);
      const stop = after(random(n + 3), ({ socket }) => void (socket.writable && socket.write(encodeControl('stop'))));
      const call = await driver.ask('whole', { ...task('count', n), ...stop });
      // Either may come first, and the worker tells which: a request that was stopped has no sentinel.
      if (call && !call.hasSentinel) driver.tallies.whole.cancellations += 1;
    },
  ],
  'stop, by the client': [
    4,
    async (driver, random) => {
      const context = newContext();
      const stream = await driver.call('whole', ENDLESS.task, { context });
      if (!stream) return;
      driver.tallies.whole.cancellations += 1;
      let left = random(6);
      if (left === 0) context.stopGenerating();
      for await (const _ of stream) if (--left === 0) context.stopGenerating();
    },
  ],
  'handler throws': [4, refused('generate', task('throw'))],
  'handler throws midway': [4, failing('generate', 'fail', 1, true)],
  'error items': [4, failing('generate', 'errors', 0, true)],
  'item without a JSON form': [3, failing('publish_response', 'unwritable', 0, false)],
  'body that is no JSON': [2, refused('deserialization', { body: '{"do":' })],
  'body that does not fit': [2, refused('deserialization', { body: '{"do":"dance","n":1}' })],
  'body in msgpack': [1, refused('deserialization', { control: (all) => ({ ...all, payload_codec: 'msgpack' }) })],
  'no body': [2, refused('invalid_message', { body: '' })],
  many_in: [1, refused('invalid_message', { control: (all) => ({ ...all, request_type: 'many_in' }) })],
  'no header': [2, unreadable('invalid_message', encodeTwoPart('', '{}'))],
  'no message': [2, unreadable('deserialization', Buffer.alloc(99, 0xff))],
  'half a message': [2, unreadable('deserialization', encodeTwoPart('{}', '{}').subarray(0, 26))],
  'header without an id': [1, silent('deserialization', { control: ({ id: _, ...all }) => all })],
  'nobody at the address': [2, silent('response_stream', { home: '127.0.0.1:1' })],
  'another response plane': [1, silent('response_stream', { info: ({ info }) => ({ transport: 'quic', info }) })],
  kill: [5, cancelling(({ socket }) => void socket.write(encodeControl('kill')))],
  'noise on the response connection': [3, cancelling(({ socket }) => void socket.write(Buffer.alloc(64, 0xff)))],
  'connection ended': [3, cancelling(({ socket }) => void socket.end())],
  'connection reset': [5, cancelling(({ socket }) => void socket.resetAndDestroy())],
  'connection closed': [3, cancelling(({ socket }) => void socket.destroy())],
  'connection reset as it comes': [
    3,
    async (driver) => {
      if (await driver.tell('cut', { ...ENDLESS, home: driver.slammer })) driver.tallies.cut.cancelledOrUnreached += 1;
    },
  ],
  'left at the end': [
    4,
    async (driver, random) => {
      const n = random(60);
      const leave = after(random(n + 3), ({ socket }) => void socket.resetAndDestroy());
      const call = await driver.ask('cut', { ...task('count', n), ...leave });
      // Whoever has the final marker has cancelled nothing, however soon it leaves.
      if (call && !call.hasSentinel && call.frames.at(-1) !== FINAL) driver.tallies.cut.maybeCancelled += 1;
    },
  ],
  'break, by the client': [
    4,
    async (driver, random) => {
      const stream = await driver.call('cut', ENDLESS.task, {});
      if (!stream) return;
      driver.tallies.cut.cancellations += 1;
      let left = 1 + random(6);
      for await (const _ of stream) if (--left === 0) break;
    },
  ],
  'kill, by the client': [
    3,
    async (driver, random) => {
      const context = newContext();
      const stream = await driver.call('cut', ENDLESS.task, { context });
      if (!stream) return;
      driver.tallies.cut.cancellations += 1;
      let left = 1 + random(6);
      for await (const _ of stream) if (--left === 0) context.kill();
    },
  ],
  'noise on the request connection': [2, noRequest('invalid', Buffer.alloc(140_000, 0xff), /^$|larger than the limit/)],
  'half a request': [2, noRequest('incomplete', Buffer.from('000000027b7d', 'hex'), /^$/)],
  'unknown path': [
    1,
    noRequest('unknown_endpoint', Buffer.from('000178000000000000', 'hex'), /^Server unavailable: unknown endpoint x$/),
  ],
};

/** A kind by its weight. */
export function pick(random: Random): string {
  const all = Object.entries(KINDS);
  let left = random(all.reduce((sum, [, [weight]]) => sum + weight, 0));
  return all.find(([, [weight]]) => (left -= weight) < 0)![0];
}
