import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors';
import { invalidMessage } from './invalid';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Numbers of fewer digits than this are exact as they are. */
const EXACT_DIGITS = 15;

/** The longest integer of 64 bits, its sign included. What is longer is no id, and to convert megabytes of digits takes seconds. */
const MAX_INTEGER = 20;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const IN_NUMBER = new Set([...'0123456789+-.eE'].map((char) => char.charCodeAt(0)));
const LONG_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;

/** Stands before an integer while it travels through `JSON.parse` as a string. Random, so that no sender can write it. */
const MARK = `${randomBytes(16).toString('hex')}:`;

/**
 * The value of JSON in `bytes`. Numbers become doubles; see {@link parseBigJson} for ids.
 * `what` names the bytes in the error. @throws PROFILED_MESSAGE_INVALID for malformed UTF-8 or JSON
 */
export function parseJsonBytes(bytes: Uint8Array, what: string): unknown {
  return parseText(decodeUtf8(bytes, what), what);
}

/** `bytes` as text, strictly. @throws PROFILED_MESSAGE_INVALID where a lenient reader would put U+FFFD */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw invalidMessage(`${what} is not valid UTF-8`, error);
  }
}

/**
 * Parses JSON that may carry u64 ids or timestamps in nanoseconds: an integer beyond 2^53 becomes a `bigint`, every other
 * number a `number`, one of more than 20 digits too. Text without such an integer costs one more scan than `JSON.parse`.
 * @throws PROFILED_MESSAGE_INVALID
 */
export function parseBigJson(text: string, what: string): unknown {
  if (!LONG_DIGITS.test(text)) return parseText(text, what);
  // First as it is: marked text may only be judged by what the sender wrote.
  parseText(text, what);
  return parseText(markUnsafeIntegers(text), what, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  );
}

/**
 * `JSON.stringify` that writes a `bigint` as the plain integer it is. For small records with ids: it is slower than the
 * built-in, and what is cyclic or can't be written throws as there.
 */
export function stringifyBigJson(value: unknown): string {
  let hasBigInt = false;
  const marked = JSON.stringify(value, function (this: Record<string, unknown>, key, item: unknown) {
    // The member itself: a program may have given BigInt a `toJSON`, which ran before.
    const member = this[key];
    if (typeof member !== 'bigint') return item;
    hasBigInt = true;
    return MARK + member;
  });
  if (!hasBigInt) return marked;
  return marked.replaceAll(new RegExp(`"${MARK}(-?\\d+)"`, 'g'), '$1');
}

/**
 * `text`, which is JSON, with each integer of 64 bits that a number can not hold as a string that says so. By hand: a regular expression
 * needs room for each character of a long token, unless the engine has had the time to optimise it.
 */
function markUnsafeIntegers(text: string): string {
  let marked = '';
  let from = 0;
  for (let i = 0; i < text.length;) {
    const start = i;
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) i = endOfString(text, i);
    else if (unit !== MINUS && !isDigit(unit)) i += 1;
    else {
      i = endOfNumber(text, i);
      const token = i - start <= MAX_INTEGER ? text.slice(start, i) : '';
      if (!isUnsafeInteger(token)) continue;
      marked += `${text.slice(from, start)}"${MARK}${token}"`;
      from = i;
    }
  }
  return marked + text.slice(from);
}

/** The place after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = start + 1; ; end++) {
    end = text.indexOf('"', end);
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** The place after the number that begins at `start`. */
function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (IN_NUMBER.has(text.charCodeAt(end))) end += 1;
  return end;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function isUnsafeInteger(token: string): boolean {
  const { length } = token;
  return length > EXACT_DIGITS && length <= MAX_INTEGER && INTEGER.test(token) && !Number.isSafeInteger(Number(token));
}

function parseText(text: string, what: string, reviver?: (key: string, value: unknown) => unknown): unknown {
  try {
    return JSON.parse(text, reviver) as unknown;
  } catch (error) {
    throw invalidMessage(`${what} is not valid JSON: ${messageOf(error)}`, error);
  }
}
