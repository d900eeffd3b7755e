import fc from 'fast-check';
import { jsonByteLength } from '../../lib/profile/json-size';

const expected = (value: unknown): number => {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? 0 : Buffer.byteLength(text);
};

test('is what JSON.stringify would take, for any value', () => {
  const anything = fc.anything({
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withNullPrototype: true,
    withSparseArray: true,
    withUnicodeString: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      expect(jsonByteLength(value)).toBe(expected(value));
    }),
    { numRuns: 5_000 },
  );
});

test('any string, lone surrogates included', () => {
  const unit = fc.oneof(
    fc.integer({ min: 0, max: 0xffff }),
    fc.constantFrom(
      0x22,
      0x5c,
      8,
      9,
      10,
      11,
      12,
      13,
      0x1f,
      0x20,
      0x7f,
      0x80,
      0x7ff,
      0x800,
      0xd800,
      0xdbff,
      0xdc00,
      0xdfff,
    ),
  );
  const text = fc.array(unit, { maxLength: 60 }).map((units) => String.fromCharCode(...units));
  fc.assert(
    fc.property(text, (value) => {
      expect(jsonByteLength(value)).toBe(expected(value));
      expect(jsonByteLength({ [value]: value })).toBe(expected({ [value]: value }));
    }),
    { numRuns: 5_000 },
  );
});

test('any number', () => {
  fc.assert(
    fc.property(fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, 1e21, 1e-7, NaN, -Infinity)), (value) => {
      expect(jsonByteLength(value)).toBe(expected(value));
    }),
    { numRuns: 5_000 },
  );
});

test('any number of few decimals, and the doubles beside it', () => {
  const bits = new DataView(new ArrayBuffer(8));
  const beside = (value: number, by: bigint): number => {
    bits.setFloat64(0, value);
    bits.setBigUint64(0, BigInt.asUintN(64, bits.getBigUint64(0) + by));
    return bits.getFloat64(0);
  };
  const decimal = fc.tuple(fc.integer({ min: -(2 ** 44), max: 2 ** 44 }), fc.nat(6), fc.bigInt(-2n, 2n));
  fc.assert(
    fc.property(decimal, ([digits, decimals, by]) => {
      const value = beside(digits / 10 ** decimals, by);
      expect(jsonByteLength(value)).toBe(expected(value));
    }),
    { numRuns: 20_000 },
  );
});

test('any texts under the same keys, one after the other', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.constantFrom('a model of name', 'a model of näme'),
  );
  fc.assert(
    fc.property(fc.array(fc.record({ id: text, model: text })), (items) => {
      expect(items.map(jsonByteLength)).toEqual(items.map(expected));
    }),
  );
});

/** The same, -1 for what JSON.stringify refuses. */
const expectedOrRefused = (value: unknown): number => {
  try {
    return expected(value);
  } catch {
    return -1;
  }
};

test('any tree with what JSON leaves out, converts and refuses', () => {
  const leaf: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom(undefined, null, true, -0, 5e-324, 1e-7, 1e21, Number.MAX_VALUE, Symbol('x'), () => 1, new Date(0)),
    fc.double(),
    fc.string({ unit: 'binary' }),
    { weight: 1, arbitrary: fc.bigInt() },
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      { weight: 3, arbitrary: leaf },
      { weight: 2, arbitrary: fc.array(tie('tree')) },
      { weight: 2, arbitrary: fc.sparseArray(tie('tree')) },
      { weight: 2, arbitrary: fc.dictionary(fc.string({ unit: 'binary' }), tie('tree')) },
      { weight: 1, arbitrary: tie('tree').map((value) => ({ toJSON: () => value })) },
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      expect(jsonByteLength(value)).toBe(expectedOrRefused(value));
    }),
    { numRuns: 500 },
  );
});

test('a chain of any depth, closed to a cycle at any place or left open', () => {
  const chain = fc.tuple(fc.array(fc.boolean(), { minLength: 1, maxLength: 150 }), fc.option(fc.nat()));
  fc.assert(
    fc.property(chain, ([kinds, back]) => {
      const links: unknown[] = [];
      let value: unknown = 'end';
      for (const isArray of kinds) links.unshift((value = isArray ? [1, value] : { a: value, b: 'x' }));
      const innermost = links.at(-1) as Record<PropertyKey, unknown>;
      if (back !== null) innermost[Array.isArray(innermost) ? 1 : 'a'] = links[back % links.length];
      expect(jsonByteLength(value)).toBe(expectedOrRefused(value));
      expect(jsonByteLength(value) < 0).toBe(back !== null);
    }),
    { numRuns: 300 },
  );
});

const nested = (depth: number): unknown => {
  let value: unknown = 'x';
  for (let i = 0; i < depth; i++) value = { a: [value, 1] };
  return value;
};

test.each<[string, unknown]>([
  ['undefined', undefined],
  ['a function', () => 1],
  ['a symbol', Symbol('x')],
  ['a date', new Date(0)],
  ['an invalid date', new Date(NaN)],
  ['toJSON that gives a string', { toJSON: () => 'text' }],
  ['toJSON that gives undefined', { a: { toJSON: () => undefined }, b: [{ toJSON: () => undefined }] }],
  ['toJSON that gives an object with a toJSON', { toJSON: () => ({ a: 1, toJSON: () => 'not called' }) }],
  [
    'toJSON that sees its key',
    { abc: { toJSON: (key: string) => key.repeat(3) }, list: [{ toJSON: (key: string) => key }] },
  ],
  ['toJSON on a function', { a: Object.assign(() => 1, { toJSON: () => 'called' }) }],
  ['inherited enumerable members', Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } })],
  ['non-enumerable members', Object.defineProperty({ a: 1 }, 'hidden', { value: 2 })],
  ['symbol keys', { [Symbol('x')]: 1, a: 2 }],
  [
    'a class instance',
    new (class {
      a = 1;
      #b = 2;
      get c() {
        return this.#b;
      }
    })(),
  ],
  ['a buffer within', { b: Buffer.from('ab') }],
  ['a map', new Map([[1, 2]])],
  ['boxed values', [Object('a"'), Object(1.5), Object(true)]],
  ['holes', [, 1, , undefined, () => 1]],
  ['a shared object twice', ((shared) => ({ a: shared, b: [shared, shared] }))({ x: 1 })],
  ['nesting of 60', nested(30)],
  ['nesting of 400', nested(200)],
  ['a wide object', Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`key ${i}`, i * 1.5]))],
])('%s', (_, value) => {
  expect(jsonByteLength(value)).toBe(expected(value));
});

test('getters run once', () => {
  let runs = 0;
  const value = {
    get a() {
      runs += 1;
      return 'x';
    },
  };
  expect(jsonByteLength(value)).toBe(9);
  expect(runs).toBe(1);
});

test('what stands beside a cycle is read a few times at most', () => {
  let runs = 0;
  const value: Record<string, unknown> = {
    get beside() {
      runs += 1;
      return 'x';
    },
  };
  value.back = value;
  expect(jsonByteLength(value)).toBe(-1);
  expect(runs).toBeLessThan(7);
});

describe('what JSON refuses is not measurable, and nothing is thrown', () => {
  const cycle: Record<string, unknown> = {};
  cycle.list = [{ back: cycle }];
  const branching: Record<string, unknown> = {};
  for (const key of 'abcdefgh') branching[key] = branching;
  const deepCycle: Record<string, unknown> = {};
  let at = deepCycle;
  for (let i = 0; i < 100; i++) at = at.next = {};
  at.next = deepCycle;
  test.each<[string, unknown]>([
    ['a BigInt', 1n],
    ['a BigInt within', { a: [1n] }],
    ['a boxed BigInt', Object(1n)],
    ['a cycle', cycle],
    ['a cycle on many branches', branching],
    ['a deep cycle', deepCycle],
    ['nesting beyond any stack', nested(100_000)],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('boom');
        },
      },
    ],
    [
      'a toJSON that throws',
      {
        toJSON() {
          throw new Error('boom');
        },
      },
    ],
  ])('%s', (_, value) => {
    expect(jsonByteLength(value)).toBe(-1);
    expect(jsonByteLength({ a: 1 })).toBe(7);
  });
});

test('a BigInt with a toJSON of its own', () => {
  const prototype = BigInt.prototype as { toJSON?: () => string };
  prototype.toJSON = function (this: bigint) {
    return this.toString();
  };
  try {
    expect(jsonByteLength({ id: 10n })).toBe(11);
  } finally {
    delete prototype.toJSON;
  }
});

test('integers of every length', () => {
  for (const edge of [
    0,
    -0,
    9,
    10,
    99,
    100,
    1e3,
    1e4,
    1e5,
    1e6,
    1e7,
    1e8,
    1e9,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 53,
  ]) {
    for (const value of [edge, -edge, edge - 1, 1 - edge]) expect(jsonByteLength(value)).toBe(expected(value));
  }
});

test('a toJSON that measures what encloses it', () => {
  const outer: Record<string, unknown> = { name: 'outer' };
  let isWithin = false;
  let within = 0;
  outer.inner = {
    toJSON() {
      if (isWithin) return 'x';
      isWithin = true;
      within = jsonByteLength(outer);
      return 'x';
    },
  };
  expect(jsonByteLength(outer)).toBe(expected(outer));
  expect(within).toBe(expected(outer));
});

test('records of more shapes than are remembered', () => {
  for (let i = 0; i < 2_000; i++) {
    const value = { [`key ${i} "`]: i, [`${'long'.repeat(i % 40)}é`]: { [`${i}`]: 1, same: true } };
    expect(jsonByteLength(value)).toBe(expected(value));
    expect(jsonByteLength(value)).toBe(expected(value));
  }
});
