import fc from 'fast-check';
import { decodeTwoPart, encodeTwoPart, PREFIX_BYTES, TwoPartDecoder } from '../../lib/wire/two-part';
import { ProfiledError } from '../../lib/errors';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const zero = '0'.repeat(16);

/** The worked examples of the protocol, with the checksum that release builds write. */
const EXAMPLES: [header: string, body: string, lengths: string, parts: string][] = [
  ['header data', 'body data', '000000000000000b0000000000000009', '6865616465722064617461626f64792064617461'],
  ['"sentinel"', '', '000000000000000a0000000000000000', '2273656e74696e656c22'],
  ['{"error":null}', '', '000000000000000e0000000000000000', '7b226572726f72223a6e756c6c7d'],
  [
    '',
    '{"data":{"data":"t"},"complete_final":false}',
    '0000000000000000000000000000002c',
    '7b2264617461223a7b2264617461223a2274227d2c22636f6d706c6574655f66696e616c223a66616c73657d',
  ],
  ['', '{"complete_final":true}', '00000000000000000000000000000017', '7b22636f6d706c6574655f66696e616c223a747275657d'],
  ['', '', zero + zero, ''],
];

describe('the two-part codec', () => {
  it.each(EXAMPLES)('encodes %j and %j as the protocol does', (header, body, lengths, parts) => {
    const bytes = encodeTwoPart(header, body);
    expect(hex(bytes)).toBe(lengths + zero + parts);
    const message = decodeTwoPart(bytes);
    expect([text(message.header), text(message.body)]).toEqual([header, body]);
  });

  it('ignores the checksum that debug builds write', () => {
    const bytes = Buffer.from(`000000000000000a00000000000000003993296f71e74889${EXAMPLES[1]![3]}`, 'hex');
    expect(text(decodeTwoPart(bytes).header)).toBe('"sentinel"');
  });

  it('takes bytes and text alike, and counts text in UTF-8', () => {
    expect(encodeTwoPart('é', '🙂')).toEqual(encodeTwoPart(Buffer.from('é'), Buffer.from('🙂')));
  });

  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (header, body) => {
        const message = decodeTwoPart(encodeTwoPart(header, body));
        expect(hex(message.header)).toBe(hex(header));
        expect(hex(message.body)).toBe(hex(body));
      }),
    );
  });

  it('refuses each truncation and each surplus byte', () => {
    const bytes = encodeTwoPart('head', 'body');
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeTwoPart(bytes.subarray(0, length))).toThrow('PROFILED_MESSAGE_INVALID');
    }
    expect(() => decodeTwoPart(Buffer.concat([bytes, Buffer.of(0)]))).toThrow('announces 32 bytes, got 33');
  });

  it('refuses a message beyond the limit, however its lengths are spread', () => {
    for (const bytes of [encodeTwoPart('head', 'body'), encodeTwoPart('headbody', ''), encodeTwoPart('', 'headbody')]) {
      const [fits, tight] = [bytes.length, bytes.length - 1].map((limit) => new TwoPartDecoder(limit));
      for (const decoder of [fits!, tight!]) decoder.push(bytes);
      expect(fits!.nextFrame()).toHaveLength(32);
      for (let i = 0; i < 2; i++) {
        expect(() => tight!.next()).toThrow('a message of 32 bytes is larger than the limit of 31');
      }
    }
  });

  it('throws nothing but PROFILED_MESSAGE_INVALID, whatever it is given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeTwoPart(bytes);
        } catch (error) {
          expect(ProfiledError.is(error) && error.code).toBe('PROFILED_MESSAGE_INVALID');
        }
      }),
    );
  });
});

describe('the decoder for streams', () => {
  const parts = fc.array(fc.tuple(fc.uint8Array(), fc.uint8Array()), { maxLength: 8 });

  it('finds the same messages however the stream is cut', () => {
    fc.assert(
      fc.property(parts, fc.array(fc.integer({ min: 1, max: 40 })), (messages, cuts) => {
        const frames = messages.map(([header, body]) => encodeTwoPart(header, body));
        const stream = Buffer.concat(frames);
        const decoder = new TwoPartDecoder();
        const found: string[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          decoder.push(stream.subarray(at, (at += cut)));
          for (let frame = decoder.nextFrame(); frame; frame = decoder.nextFrame()) found.push(hex(frame));
        }
        expect(found).toEqual(frames.map(hex));
        expect(decoder.buffered).toBe(0);
      }),
    );
  });

  it('tells how much of an unfinished message it holds', () => {
    const decoder = new TwoPartDecoder();
    decoder.push(encodeTwoPart('', 'x').subarray(0, PREFIX_BYTES));
    expect(decoder.next()).toBeUndefined();
    expect(decoder.buffered).toBe(PREFIX_BYTES);
    decoder.push(Buffer.from('x'));
    expect(text(decoder.next()!.body)).toBe('x');
    expect(decoder.next()).toBeUndefined();
  });

  it.each([
    ['a header of 2^64-1 bytes', 'ffffffffffffffff', zero],
    ['a body of 2^64-1 bytes', zero, 'ffffffffffffffff'],
    ['two lengths whose sum overflows a u64', 'ffffffffffffffff', 'ffffffffffffffff'],
    ['a header of 2^32 bytes', '0000000100000000', zero],
    ['one byte beyond the limit', '0000000002000000', zero],
  ])('refuses %s at once, and again whenever it is asked', (_, header, body) => {
    const decoder = new TwoPartDecoder();
    decoder.push(Buffer.from(header + body + zero, 'hex'));
    expect(() => decoder.next()).toThrow('larger than the limit of 33554432');
    expect(() => decoder.nextFrame()).toThrow('PROFILED_MESSAGE_INVALID');
  });

  it('joins the chunks of a large message once', () => {
    const body = Buffer.alloc(4 * 1024 * 1024, 7);
    const stream = encodeTwoPart('', body);
    const decoder = new TwoPartDecoder();
    for (let at = 0; at < stream.length; at += 1024) {
      decoder.push(stream.subarray(at, at + 1024));
      if (at + 1024 < stream.length) expect(decoder.next()).toBeUndefined();
    }
    expect(body.equals(decoder.next()!.body)).toBe(true);
  });
});
