import { Buffer } from 'node:buffer';

const byteLength = Buffer.byteLength;
const hasOwn = Object.prototype.hasOwnProperty;

/** Containers of so many levels are not noted: a cycle through them is found on its next round. */
const SHALLOW = 4;

/** Beyond this depth the built-in serialiser measures: it finds a cycle faster and knows its own stack. */
const MAX_DEPTH = 64;

// eslint-disable-next-line no-control-regex -- control characters are what has to be escaped
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;
// eslint-disable-next-line no-control-regex -- as above
const NEEDS_A_LOOK = /["\\\u0000-\u001f\u0080-\uffff]/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** 1 for the ASCII characters that JSON writes as they are. */
const PLAIN = Uint8Array.from({ length: 0x80 }, (_, unit) =>
  unit < 0x20 || unit === QUOTE || unit === BACKSLASH ? 0 : 1,
);
/** Up to this length a loop is faster than a regular expression. */
const SHORT = 11;

/** `JSON.isRawJSON`, where the engine has it (Node 22). */
const isRawJSON = (JSON as { isRawJSON?: (value: unknown) => value is { rawJSON: string } }).isRawJSON;

/**
 * The objects that enclose the value being measured, from `base` on. One stack serves every call, since measuring never yields;
 * a getter or `toJSON` that measures something itself starts a base of its own.
 */
const enclosing: (object | undefined)[] = [];
let depth = 0;
let base = 0;

/** Thrown inside, never out of this file: what `JSON.stringify` would refuse. */
const UNMEASURABLE = new Error('not JSON');
const TOO_DEEP = new Error('too deep');

/**
 * Exactly `Buffer.byteLength(JSON.stringify(value))` in bytes, without building the text. 0 where `JSON.stringify` gives
 * `undefined`, -1 where it throws (a BigInt, a cycle, a `toJSON` or getter that throws). Never throws.
 * Reads what `JSON.stringify` would read: getters run and `toJSON` is called.
 */
export function jsonByteLength(value: unknown): number {
  const outerBase = base;
  const outerDepth = depth;
  base = depth;
  try {
    const size = sizeOfValue(value, '');
    return size < 0 ? 0 : size;
  } catch (error) {
    return error === TOO_DEEP ? builtInSize(value) : -1;
  } finally {
    while (depth > outerDepth) leave();
    base = outerBase;
  }
}

function builtInSize(value: unknown): number {
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined ? 0 : byteLength(text);
  } catch {
    return -1;
  }
}

/** Size of `value` found under `key`; -1 where it is left out (undefined, functions, symbols). */
function sizeOfValue(value: unknown, key: string | number): number {
  if (typeof value === 'string') return sizeOfString(value);
  if (typeof value === 'number') return sizeOfNumber(value);
  if (typeof value === 'object') return value === null ? 4 : sizeOfObject(value, key);
  if (typeof value === 'boolean') return value ? 4 : 5;
  return typeof value === 'bigint' || typeof value === 'function' ? sizeOfRare(value, key) : -1;
}

function sizeOfObject(value: object, key: string | number): number {
  if (typeof (value as Convertible).toJSON === 'function') {
    return sizeOfConverted((value as Convertible).toJSON!(String(key)), key);
  }
  if (Array.isArray(value)) return sizeOfArray(value);
  if (Object.getPrototypeOf(value) === Object.prototype) return sizeOfRecord(value);
  if (value instanceof Number) return sizeOfNumber(Number(value));
  if (value instanceof String) return sizeOfString(String(value));
  if (value instanceof Boolean) return value.valueOf() ? 4 : 5;
  if (value instanceof BigInt) throw UNMEASURABLE;
  return sizeOfRecord(value);
}

interface Convertible {
  toJSON?: (key: string) => unknown;
}

/** BigInt and functions count only if someone gave them a `toJSON`. */
function sizeOfRare(value: unknown, key: string | number): number {
  const { toJSON } = value as Convertible;
  if (typeof toJSON === 'function') return sizeOfConverted(toJSON.call(value, String(key)), key);
  if (typeof value === 'bigint') throw UNMEASURABLE;
  return -1;
}

/** What `toJSON` returned is taken as it is: a second `toJSON` is not called. */
function sizeOfConverted(value: unknown, key: string | number): number {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'bigint') throw UNMEASURABLE;
    return typeof value === 'function' ? -1 : sizeOfValue(value, key);
  }
  if (Array.isArray(value)) return sizeOfArray(value);
  if (value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt) {
    return sizeOfValue(value.valueOf(), key);
  }
  return sizeOfRecord(value);
}

function sizeOfArray(array: readonly unknown[]): number {
  enter(array);
  const { length } = array;
  let size = length > 1 ? length + 1 : 2;
  for (let i = 0; i < length; i++) {
    const item = sizeOfValue(array[i], i);
    size += item < 0 ? 4 : item;
  }
  leave();
  return size;
}

function sizeOfRecord(record: object): number {
  enter(record);
  let size = 1;
  let seen: SeenKey | undefined = FIRST;
  for (const key in record) {
    if (!hasOwn.call(record, key)) continue;
    if (key === 'rawJSON' && isRawJSON?.(record)) {
      leave();
      return byteLength(record.rawJSON);
    }
    if (seen !== undefined) {
      // Looked at here, since V8 does not put a function for it in line.
      const { next }: SeenKey = seen;
      seen = next !== undefined && next.key === key ? next : keyAfter(seen, key);
    }
    const value = (record as Record<string, unknown>)[key];
    const item = typeof value === 'string' ? sizeOfText(value, seen) : sizeOfValue(value, key);
    if (item >= 0) size += (seen !== undefined ? seen.size : sizeOfString(key)) + item + 2;
  }
  leave();
  return size === 1 ? 2 : size;
}

function enter(container: object): void {
  const level = depth++ - base;
  if (level >= SHALLOW) note(container, level);
}

function note(container: object, level: number): void {
  const last = depth - 1;
  for (let i = base + SHALLOW; i < last; i++) if (enclosing[i] === container) throw UNMEASURABLE;
  if (level >= MAX_DEPTH) throw TOO_DEEP;
  enclosing[last] = container;
}

function leave(): void {
  depth -= 1;
  if (depth - base >= SHALLOW) enclosing[depth] = undefined;
}

/**
 * The keys of records measured before, in the order in which they came: records of one shape find the size of each key by
 * comparing two pointers. The tree stays small; keys that find no place in it are measured.
 */
class SeenKey {
  next: SeenKey | undefined = undefined;
  /** The last text of some length under this key: the items of one stream have much in common, such as an id and a model. */
  lastText = '';
  lastSize = 2;

  constructor(
    readonly key: string,
    readonly size: number,
    readonly sibling: SeenKey | undefined,
  ) {}
}

const FIRST = new SeenKey('', 0, undefined);
const MAX_SEEN = 1_000;
const MAX_SIBLINGS = 8;
const MAX_SEEN_LENGTH = 64;
let seenCount = 0;

/** Undefined where there is no place left for it. */
function keyAfter(before: SeenKey, key: string): SeenKey | undefined {
  let siblings = 0;
  for (let { next } = before; next; next = next.sibling, siblings++) if (next.key === key) return next;
  if (siblings >= MAX_SIBLINGS || seenCount >= MAX_SEEN || key.length > MAX_SEEN_LENGTH) return undefined;
  seenCount += 1;
  return (before.next = new SeenKey(key, sizeOfString(key), before.next));
}

/** Size of a string found under a key that was seen before, or under any other. */
function sizeOfText(text: string, seen: SeenKey | undefined): number {
  if (seen === undefined || text.length <= SHORT || text.length > MAX_SEEN_LENGTH) return sizeOfString(text);
  if (text === seen.lastText) return seen.lastSize;
  seen.lastText = text;
  return (seen.lastSize = sizeOfString(text));
}

function sizeOfNumber(value: number): number {
  if ((value | 0) === value) return value < 0 ? 1 + digitsOf(-value) : digitsOf(value);
  return sizeOfDecimal(Math.abs(value), value < 0 ? 1 : 0) || (Number.isFinite(value) ? String(value).length : 4);
}

/**
 * Size of a number with up to three decimals, 0 for any other. What has 15 digits or fewer is the only number of so few that reads as
 * this double, so it is the text that JSON writes.
 */
function sizeOfDecimal(value: number, sign: number): number {
  // The most decimals first: what has fewer passes as well, and what has more is done with.
  if (value >= 2 ** 31 || Math.round(value * 1_000) / 1_000 !== value) return 0;
  const whole = sign + digitsOf(Math.trunc(value)) + 1;
  if (Math.round(value * 10) / 10 === value) return whole + 1;
  return Math.round(value * 100) / 100 === value ? whole + 2 : whole + 3;
}

/** Decimal digits of an integer from 0 to 2^31. */
function digitsOf(value: number): number {
  if (value < 1e4) return value < 10 ? 1 : value < 100 ? 2 : value < 1e3 ? 3 : 4;
  if (value < 1e7) return value < 1e5 ? 5 : value < 1e6 ? 6 : 7;
  return value < 1e8 ? 8 : value < 1e9 ? 9 : 10;
}

/** Bytes of a string between quotes: escapes, UTF-8, and a lone surrogate as the six characters of its escape. */
function sizeOfString(text: string): number {
  const { length } = text;
  if (length > SHORT) return NEEDS_A_LOOK.test(text) ? sizeOfRichString(text) : length + 2;
  for (let i = 0; i < length; i++) if (PLAIN[text.charCodeAt(i)] !== 1) return sizeOfUnits(text);
  return length + 2;
}

function sizeOfRichString(text: string): number {
  return NEEDS_ESCAPE.test(text) ? sizeOfUnits(text) : byteLength(text) + 2;
}

function sizeOfUnits(text: string): number {
  const { length } = text;
  let size = 2;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20) size += (unit >= 8 && unit <= 10) || unit === 12 || unit === 13 ? 2 : 6;
    else if (unit < 0x80) size += unit === QUOTE || unit === BACKSLASH ? 2 : 1;
    else if (unit < 0x800) size += 2;
    else if (unit < 0xd800 || unit > 0xdfff) size += 3;
    else if (unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      size += 4;
      i++;
    } else size += 6;
  }
  return size;
}
