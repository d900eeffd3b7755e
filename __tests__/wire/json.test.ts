import fc from 'fast-check';
import { ProfiledError } from '../../lib/errors';
import { decodeUtf8, parseBigJson, parseJsonBytes, stringifyBigJson } from '../../lib/wire/json';

const parse = (text: string) => parseBigJson(text, 'the record');
const codeOf = (run: () => unknown) => {
  try {
    run();
    return 'none';
  } catch (error) {
    return ProfiledError.is(error) ? error.code : `foreign: ${String(error)}`;
  }
};

/** `value` with every bigint as the double that the built-in makes of it. */
const rounded = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(rounded);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rounded(member)]));
};

describe('BigInt-safe JSON', () => {
  it.each<[string, unknown]>([
    ['{"instance_id":18446744073709551615}', { instance_id: 18446744073709551615n }],
    [
      '[9007199254740991,9007199254740992,-9007199254740993]',
      [9007199254740991, 9007199254740992n, -9007199254740993n],
    ],
    ['{"id":"18446744073709551615"}', { id: '18446744073709551615' }],
    ['{"18446744073709551615":"\\"18446744073709551615"}', { '18446744073709551615': '"18446744073709551615' }],
    ['["a\\\\",18446744073709551615]', ['a\\', 18446744073709551615n]],
    [
      '[1.8446744073709551615,18446744073709551615e0,0.1234567890123456]',
      [1.8446744073709551, 2 ** 64, 0.1234567890123456],
    ],
    ['[-0,0,1e400]', [-0, 0, Infinity]],
  ])('parses %s', (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it('agrees with the built-in but for large integers', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(rounded(parse(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('keeps every u64, among strings that look like numbers', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.string(),
        fc.string({ unit: 'binary' }),
        (id, key, text) => {
          const record = { [key === '__proto__' ? 'key' : key]: text, id, list: [id, text, String(id)] };
          const back = parse(stringifyBigJson(record)) as { id: unknown; list: unknown[] };
          expect(BigInt(back.id as bigint)).toBe(id);
          expect(back.list.slice(1)).toEqual([text, String(id)]);
        },
      ),
    );
  });

  it('writes a bigint as a plain integer, also where the program gave BigInt a toJSON', () => {
    const prototype = BigInt.prototype as { toJSON?: () => string };
    prototype.toJSON = () => 'text';
    try {
      expect(stringifyBigJson({ id: 18446744073709551615n, ids: [1n, -2n], left: undefined })).toBe(
        '{"id":18446744073709551615,"ids":[1,-2]}',
      );
    } finally {
      delete prototype.toJSON;
    }
  });

  it.each([
    ['nothing', ''],
    ['half an object', '{"id":18446744073709551615'],
    ['an unquoted marker', '{id:18446744073709551615}'],
    ['a leading zero', '[018446744073709551615]'],
    ['two values', '18446744073709551615 18446744073709551615'],
    ['deep nesting that never closes', '['.repeat(200_000)],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => parse(text))).toBe('PROFILED_MESSAGE_INVALID');
  });

  it.each([
    ['lists', `${'['.repeat(200_000)}18446744073709551615${']'.repeat(200_000)}`],
    ['escapes', `["${'\\"'.repeat(4_000_000)}",18446744073709551615]`],
    ['digits', `[${'9'.repeat(50_000)}]`],
  ])('survives a flood of %s', (_, text) => {
    expect(['none', 'PROFILED_MESSAGE_INVALID']).toContain(codeOf(() => parse(text)));
  });
});

describe('strict bytes', () => {
  it.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
    ['a cut character', [0x22, 0xf0, 0x9f]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeUtf8(Uint8Array.from(bytes), 'the header')).toThrow('the header is not valid UTF-8');
    expect(codeOf(() => parseJsonBytes(Uint8Array.from(bytes), 'the header'))).toBe('PROFILED_MESSAGE_INVALID');
  });

  it('does not swallow a byte order mark', () => {
    expect(() => parseJsonBytes(Uint8Array.from([0xef, 0xbb, 0xbf, 0x31]), 'the body')).toThrow(
      'the body is not valid JSON',
    );
  });
});
