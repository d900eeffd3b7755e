import fc from 'fast-check';

type Mutation = (bytes: Buffer) => Buffer;

/** Where in a message of any length: 0 is its begin, 1 its end. */
const place = fc.double({ min: 0, max: 1, noNaN: true });
const at = (where: number, { length }: Buffer) => Math.min(length, Math.floor(where * (length + 1)));

const flip = fc.tuple(place, fc.nat(7)).map(([where, bit]): Mutation => (bytes) => {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  copy[Math.min(at(where, bytes), bytes.length - 1)]! ^= 1 << bit;
  return copy;
});

const overwrite = fc.tuple(place, fc.uint8Array({ maxLength: 8 })).map(([where, put]): Mutation => (bytes) => {
  const copy = Buffer.from(bytes);
  copy.set(put.subarray(0, copy.length - at(where, bytes)), at(where, bytes));
  return copy;
});

/** Bytes that mean something to one of the decoders, and bytes that mean nothing. */
const inserted = fc.oneof(
  fc.uint8Array({ maxLength: 16 }),
  fc
    .constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '\u0000', '9'.repeat(30), '"__proto__":', '\\ud800', 'null')
    .map((text) => Buffer.from(text)),
  fc.constantFrom(Buffer.of(0xc3), Buffer.of(0xff, 0xfe), Buffer.alloc(8, 0xff), Buffer.of(0x80, 0, 0, 0, 0, 0, 0, 0)),
);
const insert = fc.tuple(place, inserted).map(
  ([where, put]): Mutation =>
    (bytes) =>
      Buffer.concat([bytes.subarray(0, at(where, bytes)), put, bytes.subarray(at(where, bytes))]),
);

const remove = fc.tuple(place, fc.integer({ min: 1, max: 32 })).map(
  ([where, count]): Mutation =>
    (bytes) =>
      Buffer.concat([bytes.subarray(0, at(where, bytes)), bytes.subarray(at(where, bytes) + count)]),
);

const repeat = fc.tuple(place, place).map(([from, to]): Mutation => (bytes) => {
  const [start, end] = [at(Math.min(from, to), bytes), at(Math.max(from, to), bytes)];
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
});

/** One of `samples` with one to six things done to it. */
export function mutated(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const mutations = fc.array(fc.oneof(flip, overwrite, insert, remove, repeat), { minLength: 1, maxLength: 6 });
  return fc
    .tuple(fc.constantFrom(...samples), mutations)
    .map(([sample, all]) => all.reduce((bytes, mutate) => mutate(bytes), sample));
}

/** `bytes` in pieces of these sizes, over and over. */
export function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    chunks.push(bytes.subarray(from, (from += sizes[turn % sizes.length]!)));
  }
  return chunks;
}

/** Values that no field expects, as JSON. */
export const HOSTILE_JSON: readonly string[] = [
  'null',
  'true',
  '0',
  '-1',
  '1.5',
  '-0',
  '1e400',
  '18446744073709551615',
  '-18446744073709551616',
  '9'.repeat(5000),
  '""',
  '"\\ud800"',
  '"\\u0000"',
  '"../../etc/passwd"',
  '[]',
  '["response"]',
  '{}',
  '{"__proto__":{"polluted":"yes"}}',
  '{"constructor":{"prototype":{"polluted":"yes"}}}',
  '{"toString":null,"valueOf":1}',
  '{"length":4294967295}',
  `${'['.repeat(2000)}${']'.repeat(2000)}`,
];

/** `json` with the value at each of its places replaced by `put`, then with each member left out. */
export function* withEachValue(json: string, put: string): Generator<string> {
  const MARK = '@hostile@';
  const root: unknown = JSON.parse(json);
  const render = () => JSON.stringify(root).replace(`"${MARK}"`, () => put);
  yield put;
  function* visit(node: unknown): Generator<string> {
    if (typeof node !== 'object' || node === null) return;
    const members = node as Record<string, unknown>;
    for (const [key, value] of Object.entries(members)) {
      members[key] = MARK;
      yield render();
      members[key] = value;
      yield* visit(value);
      if (Array.isArray(node)) continue;
      delete members[key];
      yield render();
      members[key] = value;
    }
  }
  yield* visit(root);
}
