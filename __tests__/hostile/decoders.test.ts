import fc from 'fast-check';
import { collectGarbage } from '../support/eventually';
import { DECODERS, isTaken, JSON_DECODERS, readAll, STREAM_DECODERS } from './decoders';
import { cut, HOSTILE_JSON, mutated, withEachValue } from './mutations';

/** How long one message may be looked at, in milliseconds: far more than any needs, far less than a hang. */
const LIMIT_MS = 2_000;

const timed = <T>(run: () => T): T => {
  const start = performance.now();
  const result = run();
  expect(performance.now() - start).toBeLessThan(LIMIT_MS);
  return result;
};
/** What a program holds, in bytes: objects and buffers. */
const held = () => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
/** `items` in which there is one more pair of braces for each level. */
const nested = (levels: number, open: string, close: string) => open.repeat(levels) + '1' + close.repeat(levels);

/** The begin of a message of 65536 bytes for each stream, in hex. */
const FRAME_OF_64K: Readonly<Record<string, string>> = {
  'the two-part stream': `${'0'.repeat(16)}0000000000010000${'0'.repeat(16)}`,
  'the request stream': '000000027b7d00010000',
  'the acknowledgement stream': '00010000',
};

afterEach(() => {
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

describe.each(DECODERS)('$name', ({ samples, decode }) => {
  it('takes what is right', () => {
    expect(samples.map((sample) => isTaken(() => decode(sample)))).toEqual(samples.map(() => true));
  });

  it('survives each truncation, and each byte too many', () => {
    for (const sample of samples) {
      for (let length = 0; length < sample.length; length++) isTaken(() => decode(sample.subarray(0, length)));
      for (const more of ['\0', '{', 'ÿ', ' ']) isTaken(() => decode(Buffer.concat([sample, Buffer.from(more)])));
    }
  });

  it('survives each single bit', () => {
    for (const sample of samples.filter(({ length }) => length < 1_000)) {
      for (let bit = 0; bit < sample.length * 8; bit++) {
        const bytes = Buffer.from(sample);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        isTaken(() => decode(bytes));
      }
    }
  });

  it('survives what is almost right', () => {
    fc.assert(
      fc.property(mutated(samples), (bytes) => void timed(() => isTaken(() => decode(bytes)))),
      { numRuns: 1_000 },
    );
  });

  it('survives anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void isTaken(() => decode(Buffer.from(bytes)))),
      { numRuns: 300 },
    );
  });
});

describe.each(JSON_DECODERS)('$name', ({ json, decode }) => {
  it('survives a wrong value, or none, in each of its fields', () => {
    for (const value of HOSTILE_JSON) for (const text of withEachValue(json, value)) isTaken(() => decode(text));
  });

  it('survives any JSON', () => {
    fc.assert(
      fc.property(fc.json({ depthSize: 'medium', stringUnit: 'binary' }), (text) => void isTaken(() => decode(text))),
    );
  });

  it.each([
    ['lists', nested(100_000, '[', ']')],
    ['objects', nested(100_000, '{"a":', '}')],
    ['lists around a large integer', nested(100_000, '[', ']').replace('1', '18446744073709551615')],
    ['lists without an end', '['.repeat(100_000)],
  ])('survives %s, a hundred thousand levels deep', (_, deep) => {
    timed(() => isTaken(() => decode(deep)));
    for (const text of withEachValue(json, deep)) timed(() => isTaken(() => decode(text)));
  });

  it.each([
    ['an integer', '9'.repeat(20_000_000)],
    ['a fraction', `0.${'9'.repeat(20_000_000)}`],
    ['text', `"${'9'.repeat(20_000_000)}"`],
    ['text that is escaped', `["${'\\n'.repeat(5_000_000)}",9999999999999999]`],
    ['many integers', `[${'18446744073709551615,'.repeat(100_000)}0]`],
  ])('is done with %s of megabytes in no time', (_, long) => {
    timed(() => isTaken(() => decode(long)));
  });

  it('takes the last of several members of one name, as every reader of JSON does', () => {
    if (!json.startsWith('{')) return;
    const [first] = Object.keys(JSON.parse(json) as object);
    expect(isTaken(() => decode(json.replace('{', `{"${first}":[],`)))).toBe(true);
    isTaken(() => decode(json.replace(/}$/, `,"${first}":[]}`)));
  });

  it('reads nothing out of a `__proto__`', () => {
    if (!json.startsWith('{')) return;
    expect(isTaken(() => decode(json.replace('{', '{"__proto__":{"polluted":"yes"},')))).toBe(true);
    const inherited = isTaken(() => decode(`{"__proto__":${json}}`));
    expect(inherited).toBe(isTaken(() => decode('{}')));
  });
});

describe.each(STREAM_DECODERS)('$name', ({ name, samples, open }) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 });
  const stream = Buffer.concat(samples);

  it('finds the same however it is cut, right or wrong', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constant(stream), mutated([stream])), sizes, (bytes, all) => {
        const whole = readAll(open(), [Buffer.from(bytes)]);
        expect(readAll(open(), cut(bytes, all))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('finds the same byte by byte', () => {
    expect(readAll(open(), cut(stream, [1]))).toEqual(readAll(open(), [stream]));
  });

  it('waits for the rest at each byte, and has found what is before it', () => {
    for (const sample of samples) {
      const whole = readAll(open(), [sample]);
      for (let length = 0; length < sample.length; length++) {
        const part = readAll(open(), [sample.subarray(0, length)]);
        expect(part).toEqual(whole.slice(0, part.length));
        expect(part.length).toBeLessThan(whole.length);
      }
    }
  });

  it('holds little more than the bytes of a sender that drips them', () => {
    const frame = Buffer.from(FRAME_OF_64K[name]!, 'hex');
    const before = held();
    const decoder = open();
    decoder.push(frame);
    for (let i = 0; i < 60_000; i++) {
      decoder.push(Buffer.from(new ArrayBuffer(1)));
      if (decoder.next() !== undefined) throw new Error('the message is not complete');
    }
    expect(held() - before).toBeLessThan(2 ** 20);
    expect(decoder.next()).toBeUndefined();
  });

  it('finds what is right before garbage', () => {
    // Enough for the longest path and the longest headers that a request can have.
    const garbage = Buffer.alloc(140_000, 0xff);
    const found = readAll(open(), [Buffer.concat([stream, garbage])]);
    expect(found).toEqual([...readAll(open(), [stream]), 'invalid']);
  });
});

describe('lengths that nobody can mean', () => {
  const u64 = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    return bytes;
  };
  const sizes = [2n ** 63n, 2n ** 64n - 1n, 2n ** 53n + 1n, 2n ** 32n, 2n ** 31n, 2n ** 25n];
  const twoPart = sizes.flatMap((size) => [
    Buffer.concat([u64(size), Buffer.alloc(16)]),
    Buffer.concat([u64(0n), u64(size), Buffer.alloc(8)]),
    Buffer.concat([u64(size), u64(size), Buffer.alloc(8)]),
    Buffer.concat([u64(2n ** 64n - size), u64(size), Buffer.alloc(8)]),
  ]);
  const CASES: [name: string, frames: Buffer[]][] = [
    ['the two-part stream', twoPart],
    [
      'the request stream',
      ['ffffffff', '7fffffff', '02000000'].map((size) => Buffer.from(`000000027b7d${size}`, 'hex')),
    ],
    ['the acknowledgement stream', ['ffffffff', '80000000', '00010001'].map((size) => Buffer.from(size, 'hex'))],
  ];

  it.each(CASES)('are refused by %s, with nothing allocated', (name, frames) => {
    const { open } = STREAM_DECODERS.find((decoder) => decoder.name === name)!;
    for (const frame of frames) expect(readAll(open(), [frame])).toEqual(['invalid']);
    const before = held();
    const decoders = Array.from({ length: 2_000 }, (_, i) => {
      const decoder = open();
      readAll(decoder, [frames[i % frames.length]!]);
      return decoder;
    });
    expect((held() - before) / decoders.length).toBeLessThan(2_000);
  });

  it.each(STREAM_DECODERS)('that are allowed cost $name nothing before the bytes are there', ({ name, open }) => {
    const frame = Buffer.from(FRAME_OF_64K[name]!, 'hex');
    const before = held();
    const decoders = Array.from({ length: 2_000 }, () => {
      const decoder = open();
      expect(readAll(decoder, [frame])).toEqual([]);
      return decoder;
    });
    expect((held() - before) / decoders.length).toBeLessThan(2_000);
  });
});
