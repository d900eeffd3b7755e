import { MAX_TIMER_MS } from '../internal/clock';
import { LOG_LEVELS, type LogLevel } from '../internal/logger';
import { Secret } from './secret';

/** Turns the text of one environment variable, or the value of one option, into a setting. */
export interface Reader<T> {
  /** What is accepted, as the end of a sentence that begins with "expected". */
  readonly expected: string;
  /** The setting that `text` (trimmed, not empty) stands for; undefined when it can not be used. */
  parse(text: string): T | undefined;
  /** The setting that an option's `value` stands for; undefined when it can not be used. */
  accept(value: unknown): T | undefined;
  /** Whether a value that can not be used may not be shown either. */
  readonly isSecret?: true;
}

const TRUE = ['1', 'true', 'on', 'yes'];
const FALSE = ['0', 'false', 'off', 'no'];

/** `1 true on yes` and `0 false off no` in any case; as an option, a boolean. */
export const flag: Reader<boolean> = {
  expected: 'one of 1, true, on, yes, 0, false, off, no',
  parse(text) {
    const word = text.toLowerCase();
    return TRUE.includes(word) ? true : FALSE.includes(word) ? false : undefined;
  },
  accept: (value) => (typeof value === 'boolean' ? value : undefined),
};

/** A port from 0 to 65535; every negative whole number means off and reads as -1. */
export const port: Reader<number> = {
  expected: 'a whole number from 0 (any free port) to 65535, or -1 (off)',
  parse: (text) => (/^-?\d+$/.test(text) ? port.accept(Number(text)) : undefined),
  accept(value) {
    if (!Number.isInteger(value) || (value as number) > 65_535) return undefined;
    return (value as number) < 0 ? -1 : (value as number) + 0;
  },
};

/** A whole number of `min` or more. */
export function count(min: number, max = Number.MAX_SAFE_INTEGER): Reader<number> {
  const reader: Reader<number> = {
    expected:
      max === Number.MAX_SAFE_INTEGER ? `a whole number of ${min} or more` : `a whole number from ${min} to ${max}`,
    parse: (text) => (/^\d+$/.test(text) ? reader.accept(Number(text)) : undefined),
    accept: (value) =>
      Number.isInteger(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
  };
  return reader;
}

/** A duration: seconds, with a fraction if need be, in the environment as upstream has them; milliseconds as an option. */
export function duration(min: 0 | 1): Reader<number> {
  const reader: Reader<number> = {
    expected: `a number of ${min === 0 ? '0 or more' : 'more than 0'} (seconds in a variable, milliseconds in an option), at most 24 days`,
    parse: (text) => (/^\d+(\.\d+)?$/.test(text) ? reader.accept(Math.round(Number(text) * 1_000)) : undefined),
    accept: (value) => (typeof value === 'number' && value >= min && value <= MAX_TIMER_MS ? value : undefined),
  };
  return reader;
}

/** Any text that is not blank. */
export function text(expected: string): Reader<string> {
  return textReader(expected, (given) => (given === '' ? undefined : given));
}

/** A folder's path. */
export const folder: Reader<string> = text('the path of a directory');

/** A file's path. */
export const file: Reader<string> = text('the path of a file');

/** A bearer token, as it can stand in a header. */
export const token = secretReader('a token of visible ASCII characters without spaces', /^[\x21-\x7e]+$/);

/** What basic authentication asks for. */
export const userAndPassword = secretReader(
  'a user name and a password as user:password, without control characters',
  /^[^:\p{Cc}]+:\P{Cc}+$/u,
);

/** Any text that is not to be shown. */
export const passphrase = secretReader('a text', /[^]/);

/** A host name or an IP address; an IPv6 address may stand in brackets. */
export const host: Reader<string> = textReader('a host name or an IP address to bind to', (text) => {
  const bare = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  return /^[\w.:%-]+$/.test(bare) ? bare : undefined;
});

/** The path of a route, taken literally. */
export const path: Reader<string> = textReader('a path that begins with / and has no spaces, ? or #', (text) =>
  /^\/[^\s?#]*$/.test(text) ? text : undefined,
);

/** The name of a label that Prometheus leaves to its users. */
export const labelName: Reader<string> = textReader(
  'a label name, such as worker, that is not le or quantile and does not begin with __',
  (text) => (/^(?!__|(?:le|quantile)$)[a-zA-Z_][a-zA-Z0-9_]*$/.test(text) ? text : undefined),
);

/** One of a closed set of words, in any case when it comes from the environment. */
export function oneOf<T extends string>(words: readonly T[]): Reader<T> {
  return {
    expected: words.length === 1 ? `${words[0]}, the only one that is supported so far` : `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text.toLowerCase()),
    accept: (value) => words.find((word) => word === value),
  };
}

/**
 * A log level, or `DYN_LOG`'s other spellings: `0`, `false`, `off` = off; `1`, `true` = info. In a list of directives as Rust's
 * `EnvFilter` has them (`debug,hyper=warn`) the last level without a target decides, and what is said of targets is ignored.
 */
export const logLevel: Reader<LogLevel> = {
  expected: '0 (off), 1 (info) or one of trace, debug, info, warn, error',
  parse(text) {
    const directives = text.split(',').map((directive) => directive.trim().toLowerCase());
    const levels = directives.map(levelOf).filter((level) => level !== undefined);
    const aboutTargets = directives.every((directive) => directive === '' || directive.includes('='));
    return levels.at(-1) ?? (aboutTargets ? 'off' : undefined);
  },
  accept: (value) => LOG_LEVELS.find((level) => level === value),
};

function levelOf(word: string): LogLevel | undefined {
  if (word === '0' || word === 'false') return 'off';
  if (word === '1' || word === 'true') return 'info';
  return LOG_LEVELS.find((level) => level === word);
}

function textReader(expected: string, parse: (given: string) => string | undefined): Reader<string> {
  return { expected, parse, accept: (value) => (typeof value === 'string' ? parse(value.trim()) : undefined) };
}

function secretReader(expected: string, pattern: RegExp): Reader<Secret> {
  const parse = (text: string) => (pattern.test(text) ? new Secret(text) : undefined);
  const accept = (value: unknown) => (typeof value === 'string' ? parse(value) : undefined);
  return { expected, parse, accept, isSecret: true };
}
