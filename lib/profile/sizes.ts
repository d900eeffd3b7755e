import { Buffer } from 'node:buffer';
import type { Binding } from './binding';
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

/** The size of `value` as `binding` has it, 0 for what has none. Never throws. */
export function measured(binding: Binding, value: unknown): number {
  try {
    const size = binding.sizeOf(value);
    if (size >= 0) return size;
  } catch {
    // A size function of the user's own: counted below like any other value that has no size.
  }
  if (binding.standard) binding.store.drop(binding.bytesMetric, 'unmeasurable');
  return 0;
}
