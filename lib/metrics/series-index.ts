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
  /** The hashes by place in `all`, so that a larger table is filled without the texts: those of many series would block for long. */
  #hashes = new Uint32Array(SMALLEST / 2);

  /** The series with exactly these labels; expects them canonical. */
  find(labels: LabelValues): S | undefined {
    const key = labelKey(labels);
    const hash = hashOf(key);
    for (let at = hash; ; at++) {
      const place = this.#slots[at & (this.#slots.length - 1)]!;
      if (place === 0) return undefined;
      const series = this.all[place - 1]!;
      if (this.#hashes[place - 1] === hash && labelKey(series.labels) === key) return series;
    }
  }

  /** Takes in a series whose labels no other one here has. */
  add(series: S): void {
    const place = this.all.push(series);
    if (place * 2 > this.#slots.length) this.#enlarge();
    this.#hashes[place - 1] = hashOf(labelKey(series.labels));
    this.#enter(place);
  }

  #enlarge(): void {
    const hashes = this.#hashes;
    this.#slots = new Int32Array(this.#slots.length * 2);
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#hashes.set(hashes);
    for (let place = 1; place <= hashes.length; place++) this.#enter(place);
  }

  #enter(place: number): void {
    const mask = this.#slots.length - 1;
    let at = this.#hashes[place - 1]! & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = place;
  }
}

/** FNV-1a over the characters. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
