import { Buffer } from 'node:buffer';
import { jsonByteLength } from './json-size';

const byteLength = Buffer.byteLength;

/** What a size function returns for a value that it can not measure. */
export const UNMEASURABLE = -1;

/** Size of a request value or an item in bytes; negative for a value that can not be measured. */
export type SizeOf = (value: unknown) => number;

/**
 * The size of a value that stays in the process: strings by UTF-8 length, buffers and their views by `byteLength`, nothing for
 * undefined, anything else by its exact JSON length. {@link UNMEASURABLE} for what has none (a cycle, a BigInt). Never throws.
 */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return byteLength(value);
  if (typeof value === 'object' && value !== null) {
    if (ArrayBuffer.isView(value)) return value.byteLength;
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return value.byteLength;
  }
  return jsonByteLength(value);
}

/** For `sizeOf: 'off'`: nothing is measured and every size is 0. */
export function noSize(): number {
  return 0;
}
