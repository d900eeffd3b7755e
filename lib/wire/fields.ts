import { invalidMessage } from './invalid';

/** `value` as an object with members to look up. @throws PROFILED_MESSAGE_INVALID */
export function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalidMessage(`${what} must be an object, got ${kindOf(value)}`);
}

/** @throws PROFILED_MESSAGE_INVALID unless `value` is text with something in it, and all of it Unicode, as upstream has it */
export function asText(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') {
    throw invalidMessage(`${what} must be a string that is not empty, got ${kindOf(value)}`);
  }
  if (!value.isWellFormed()) throw invalidMessage(`${what} has half of a surrogate pair, got ${kindOf(value)}`);
  return value;
}

/** @throws PROFILED_MESSAGE_INVALID unless `value` is one of `allowed` */
export function asOneOf<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  if (allowed.includes(value as T)) return value as T;
  throw invalidMessage(`${what} must be one of ${allowed.join(', ')}, got ${kindOf(value)}`);
}

/** What `read` makes of `value`; undefined where a sender left it out or wrote null. */
export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

/** A value as an error message shows it: short, whatever a sender put there. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}...` : value);
  if (value === null || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
