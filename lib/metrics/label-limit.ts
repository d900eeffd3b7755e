import type { Cell } from './instruments';
import { labelText } from './labels';

/** How many distinct values a variable label keeps. */
export const LABEL_VALUE_LIMIT = 100;

/** What stands for every value beyond the limit. */
export const OVERFLOW_VALUE = '__other__';

/**
 * Bounds the values of one label of one metric: the first {@link LABEL_VALUE_LIMIT} keep their name, the rest become
 * `__other__` and are counted, so that a value taken from a request can not grow the registry without end.
 */
export class LabelLimit {
  readonly #known = new Set<string>();

  constructor(private readonly overflow: Cell) {}

  /** The text to record for `value`. */
  bound(value: unknown): string {
    const text = labelText(value);
    if (this.#known.has(text)) return text;
    if (this.#known.size < LABEL_VALUE_LIMIT) {
      this.#known.add(text);
      return text;
    }
    this.overflow.value += 1;
    return OVERFLOW_VALUE;
  }
}
