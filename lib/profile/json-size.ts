import { Buffer } from 'node:buffer';

const byteLength = Buffer.byteLength;
const hasOwn = Object.prototype.hasOwnProperty;

/** Beyond this depth the built-in serialiser measures: it finds a cycle faster and knows its own stack. */
const MAX_DEPTH = 64;

// eslint-disable-next-line no-control-regex -- control characters are what has to be escaped
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** `JSON.isRawJSON`, where the engine has it (Node 22). */
const isRawJSON = (JSON as { isRawJSON?: (value: unknown) => value is { rawJSON: string } }).isRawJSON;

/** The objects that enclose the value being measured. One stack serves every call, since measuring never yields. */
let enclosing: object[] = [];

/** Thrown inside, never out of this file: what `JSON.stringify` would refuse. */
const UNMEASURABLE = new Error('not JSON');
const TOO_DEEP = new Error('too deep');

/**
 * Exactly `Buffer.byteLength(JSON.stringify(value))` in bytes, without building the text. 0 where `JSON.stringify` gives
 * `undefined`, -1 where it throws (a BigInt, a cycle, a `toJSON` or getter that throws). Never throws.
 * Reads what `JSON.stringify` would read: getters run and `toJSON` is called.
 */
export function jsonByteLength(value: unknown): number {
  const outer = enclosing;
  enclosing = [];
  try {
    const size = sizeOfValue(value, '');
    return size < 0 ? 0 : size;
  } catch (error) {
    return error === TOO_DEEP ? builtInSize(value) : -1;
  } finally {
    enclosing = outer;
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
  switch (typeof value) {
    case 'string':
      return sizeOfString(value);
    case 'number':
      return sizeOfNumber(value);
    case 'boolean':
      return value ? 4 : 5;
    case 'object':
      return value === null ? 4 : sizeOfObject(value, key);
    case 'bigint':
    case 'function':
      return sizeOfRare(value, key);
    default:
      return -1;
  }
}

function sizeOfObject(value: object, key: string | number): number {
  if (typeof (value as Convertible).toJSON === 'function') {
    return sizeOfConverted((value as Convertible).toJSON!(String(key)), key);
  }
  if (Array.isArray(value)) return sizeOfArray(value);
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
  enclosing.pop();
  return size;
}

function sizeOfRecord(record: object): number {
  enter(record);
  let size = 1;
  for (const key in record) {
    if (!hasOwn.call(record, key)) continue;
    if (key === 'rawJSON' && isRawJSON?.(record)) {
      enclosing.pop();
      return byteLength(record.rawJSON);
    }
    const item = sizeOfValue((record as Record<string, unknown>)[key], key);
    if (item >= 0) size += sizeOfString(key) + item + 2;
  }
  enclosing.pop();
  return size === 1 ? 2 : size;
}

function enter(container: object): void {
  if (enclosing.includes(container)) throw UNMEASURABLE;
  if (enclosing.length >= MAX_DEPTH) throw TOO_DEEP;
  enclosing.push(container);
}

function sizeOfNumber(value: number): number {
  if (!Number.isFinite(value)) return 4;
  if (Number.isInteger(value) && value >= 0 && value < 1_000_000) {
    return value < 10 ? 1 : value < 100 ? 2 : value < 1_000 ? 3 : value < 10_000 ? 4 : value < 100_000 ? 5 : 6;
  }
  return String(value).length;
}

/** Bytes of a string between quotes: escapes, UTF-8, and a lone surrogate as the six characters of its escape. */
function sizeOfString(text: string): number {
  const { length } = text;
  if (length > 24) return NEEDS_ESCAPE.test(text) ? sizeOfUnits(text) : byteLength(text) + 2;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7f || unit === QUOTE || unit === BACKSLASH) return sizeOfUnits(text);
  }
  return length + 2;
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
