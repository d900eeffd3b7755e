import { labelKey, type LabelValues } from './labels';

const SMALLEST = 8;

/**
 * The series of a family in the order in which they came, found by their labels. The text of the labels is made for a look-up and
 * not kept: with it a handler would take twice the memory. Look-ups are for binding, not for recording.
 */
export class SeriesIndex<S extends { readonly labels: LabelValues }> {
  readonly all: S[] = [];
  /** A hash table with open addressing: 1 + the place in `all`, or 0. At most half of it is taken. */
  #slots = new Int32Array(SMALLEST);

  /** The series with exactly these labels; expects them canonical. */
  find(labels: LabelValues): S | undefined {
    return this.all[this.#slots[this.#slotOf(labelKey(labels))]! - 1];
  }

  /** Takes in a series whose labels no other one here has. */
  add(series: S): void {
    this.all.push(series);
    if (this.all.length * 2 > this.#slots.length) this.#enlarge();
    else this.#enter(this.all.length);
  }

  #enlarge(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let place = 1; place <= this.all.length; place++) this.#enter(place);
  }

  #enter(place: number): void {
    this.#slots[this.#slotOf(labelKey(this.all[place - 1]!.labels))] = place;
  }

  /** Where the series with that key is, or would be. */
  #slotOf(key: string): number {
    const slots = this.#slots;
    for (let at = hashOf(key); ; at++) {
      const slot = at & (slots.length - 1);
      const place = slots[slot]!;
      if (place === 0 || labelKey(this.all[place - 1]!.labels) === key) return slot;
    }
  }
}

/** FNV-1a over the characters. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
