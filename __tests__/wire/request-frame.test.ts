import fc from 'fast-check';
import { ProfiledError } from '../../lib/errors';
import { AckDecoder, encodeAcks, MAX_ACK_BYTES } from '../../lib/wire/ack-frame';
import { ByteQueue } from '../../lib/wire/byte-queue';
import { encodeRequestHead, type RequestFrame, RequestFrameDecoder } from '../../lib/wire/request-frame';
import { encodeTwoPart } from '../../lib/wire/two-part';

const frameOf = (path: string, headers: Record<string, string>, payload: Uint8Array) =>
  Buffer.concat([encodeRequestHead(path, headers, payload.length), payload]);
const rawFrame = (path: string, headers: string, payload: string) => {
  const parts = [Buffer.alloc(2), Buffer.from(path), Buffer.alloc(2), Buffer.from(headers), Buffer.alloc(4)] as const;
  parts[0].writeUInt16BE(parts[1].length);
  parts[2].writeUInt16BE(parts[3].length);
  parts[4].writeUInt32BE(payload.length);
  return Buffer.concat([...parts, Buffer.from(payload)]);
};

/** Feeds `stream` in pieces of the given sizes, and the rest at the end. */
function feed<T>(
  decoder: { push(chunk: Buffer): void; next(): T | undefined },
  stream: Buffer,
  cuts: readonly number[],
): T[] {
  const found: T[] = [];
  let at = 0;
  for (const cut of [...cuts, stream.length]) {
    decoder.push(stream.subarray(at, (at += cut)));
    for (let frame = decoder.next(); frame; frame = decoder.next()) found.push(frame);
  }
  return found;
}

const shown = ({ path, headers, payload, bytes }: RequestFrame) => [path, headers, payload.toString('hex'), bytes];

describe('the frame of a request', () => {
  it('is that of the worked example: 288 bytes', () => {
    const control = `{${'c'.repeat(237)}}`;
    const payload = encodeTwoPart(control, '"hi"');
    expect(payload).toHaveLength(267);
    const frame = frameOf('1f/generate', {}, payload);
    expect(frame).toHaveLength(288);
    expect(frame.toString('hex')).toMatch(/^000b31662f67656e657261746500027b7d0000010b00000000000000ef/);
    expect(feed(new RequestFrameDecoder(), frame, []).map(shown)).toEqual([
      ['1f/generate', {}, payload.toString('hex'), 288],
    ]);
  });

  it('comes out as it went in, however the stream is cut', () => {
    const request = fc.tuple(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.dictionary(fc.stringMatching(/^[a-z-]{1,8}$/), fc.string({ unit: 'grapheme', maxLength: 8 }), { maxKeys: 3 }),
      fc.uint8Array({ maxLength: 2000 }),
    );
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 1500 })),
        (requests, cuts) => {
          const stream = Buffer.concat(requests.map(([path, headers, payload]) => frameOf(path, headers, payload)));
          const decoder = new RequestFrameDecoder();
          expect(feed(decoder, stream, cuts).map(({ path, headers, payload }) => [path, headers, payload])).toEqual(
            requests.map(([path, headers, payload]) => [path, { ...headers }, Buffer.from(payload)]),
          );
          expect(decoder.buffered).toBe(0);
        },
      ),
    );
  });

  it('is found when every byte comes alone', () => {
    const stream = Buffer.concat([
      frameOf('a', { b: 'c' }, Buffer.alloc(3000, 'd')),
      frameOf('e', {}, Buffer.alloc(0)),
    ]);
    const frames = feed(new RequestFrameDecoder(), stream, Array<number>(stream.length).fill(1));
    expect(frames.map(({ path, payload }) => [path, payload.length])).toEqual([
      ['a', 3000],
      ['e', 0],
    ]);
  });

  it.each<[string, string, Record<string, string>]>([
    ['no bytes', '', {}],
    ['bad JSON', '{"a":', {}],
    ['a list', '["a"]', {}],
    ['null', 'null', {}],
    ['values that are no text', '{"a":1,"b":"x","c":null,"d":{}}', { b: 'x' }],
    ['names in upper case', '{"Request-ID":"r"}', { 'request-id': 'r' }],
  ])('has the headers that make sense: %s', (_, json, headers) => {
    const [frame] = feed(new RequestFrameDecoder(), rawFrame('p', json, 'x'), []);
    expect(frame).toMatchObject({ path: 'p', headers });
    expect(Object.keys(frame!.headers)).toEqual(Object.keys(headers));
  });

  it('takes `__proto__` for a name like any other', () => {
    const [frame] = feed(new RequestFrameDecoder(), rawFrame('p', '{"__proto__":"x"}', ''), []);
    expect(Object.entries(frame!.headers)).toEqual([['__proto__', 'x']]);
  });

  it.each([
    ['a payload of 4 GiB', '000170' + '0000' + 'ffffffff'],
    ['one byte beyond the limit', '000170' + '00027b7d' + '0000005a'],
  ])('is refused as soon as it announces %s, and again whenever it is asked', (_, hex) => {
    const decoder = new RequestFrameDecoder(100);
    decoder.push(Buffer.from(hex, 'hex'));
    for (let i = 0; i < 2; i++) expect(() => decoder.next()).toThrow('larger than the limit of 100');
  });

  it('is refused for its path or its headers alone', () => {
    for (const hex of ['ffff', '000170' + 'fff0']) {
      const decoder = new RequestFrameDecoder(1024);
      decoder.push(Buffer.from(hex, 'hex'));
      expect(() => decoder.next()).toThrow('PROFILED_MESSAGE_INVALID');
    }
  });

  it('may be exactly as large as the limit', () => {
    const frame = frameOf('p', {}, Buffer.alloc(89));
    expect(frame).toHaveLength(100);
    expect(feed(new RequestFrameDecoder(100), frame, [])).toHaveLength(1);
  });

  it('can not be made of a path or headers beyond 64 KiB', () => {
    expect(() => encodeRequestHead('x'.repeat(65_536), {}, 0)).toThrow('PROFILED_MESSAGE_INVALID');
    expect(() => encodeRequestHead('x', { a: 'é'.repeat(32_768) }, 0)).toThrow('PROFILED_MESSAGE_INVALID');
  });

  it('throws nothing but PROFILED_MESSAGE_INVALID, whatever it is given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.integer({ min: 1, max: 40 })), (bytes, cuts) => {
        try {
          feed(new RequestFrameDecoder(64), Buffer.from(bytes), cuts);
        } catch (error) {
          expect(ProfiledError.is(error) && error.code).toBe('PROFILED_MESSAGE_INVALID');
        }
      }),
    );
  });
});

describe('acknowledgements', () => {
  it('are a length and so many bytes', () => {
    const acks = encodeAcks([Buffer.alloc(0), Buffer.from('no'), new Uint8Array()]);
    expect(acks.toString('hex')).toBe('00000000' + '000000026e6f' + '00000000');
  });

  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        fc.array(fc.integer({ min: 1, max: 30 })),
        (acks, cuts) => {
          expect(feed(new AckDecoder(), encodeAcks(acks), cuts)).toEqual(acks.map((ack) => Buffer.from(ack)));
        },
      ),
    );
  });

  it('are refused when they announce more than a line of text', () => {
    const decoder = new AckDecoder();
    const length = Buffer.alloc(4);
    length.writeUInt32BE(MAX_ACK_BYTES + 1);
    decoder.push(length);
    expect(() => decoder.next()).toThrow('PROFILED_MESSAGE_INVALID');
  });
});

describe('the queue of received bytes', () => {
  it('gives a view where it can, and one copy where it must', () => {
    const queue = new ByteQueue();
    const chunk = Buffer.from('abcdef');
    queue.push(chunk);
    expect(queue.take(2).buffer).toBe(chunk.buffer);
    queue.push(Buffer.from('ghij'));
    expect(queue.take(6).toString()).toBe('cdefgh');
    expect(queue.take(2).toString()).toBe('ij');
    expect(queue.length).toBe(0);
  });

  it('does not hold an object for each of many small chunks', () => {
    const queue = new ByteQueue();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100_000; i++) queue.push(Buffer.from([i & 0xff]));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20);
    const bytes = queue.take(100_000);
    expect(bytes.every((byte, i) => byte === (i & 0xff))).toBe(true);
  });

  it('is right whatever is pushed, peeked at and taken', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 3000 }), times: fc.integer({ min: 1, max: 600 }) }),
      fc.record({ take: fc.integer({ min: 0, max: 5000 }) }),
      fc.record({ peek: fc.integer({ min: 0, max: 2000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const queue = new ByteQueue();
        let expected = Buffer.alloc(0);
        let next = 0;
        for (const step of steps) {
          if ('push' in step) {
            const times = step.push > 100 ? 3 : step.times;
            for (let i = 0; i < times; i++) {
              const chunk = Buffer.from(Array.from({ length: step.push }, () => next++ & 0xff));
              queue.push(chunk);
              expected = Buffer.concat([expected, chunk]);
            }
          } else if ('take' in step) {
            const count = Math.min(step.take, expected.length);
            expect(queue.take(count).equals(expected.subarray(0, count))).toBe(true);
            expected = expected.subarray(count);
          } else if (step.peek + 4 <= expected.length) {
            expect(queue.u16(step.peek)).toBe(expected.readUInt16BE(step.peek));
            expect(queue.u32(step.peek)).toBe(expected.readUInt32BE(step.peek));
          }
          expect(queue.length).toBe(expected.length);
        }
      }),
    );
  });
});
