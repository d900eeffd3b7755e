import type { LabelValues } from './labels';
import type { DropReason } from './names';

/** A sum that only grows. */
export interface Counter {
  /** The sum so far. */
  readonly value: number;
  /** Adds `amount`. A negative, infinite or non-numeric amount is dropped and counted, never thrown. @default 1 */
  inc(amount?: number): void;
}

/** A number that goes up and down. */
export interface Gauge {
  readonly value: number;
  /** Non-numeric values are dropped and counted, never thrown. */
  set(value: number): void;
  inc(amount?: number): void;
  dec(amount?: number): void;
}

/** Observations sorted into buckets. */
export interface Histogram {
  readonly count: number;
  readonly sum: number;
  /** Adds one observation, in the unit that the metric's name says. A non-numeric value is dropped and counted. */
  observe(value: number): void;
}

/** Observations summed up as quantiles over the process' life. */
export interface Summary {
  observe(value: number): void;
}

/** One handle for each set of label values; keep the handle, `labels` is a look-up. */
export interface Vec<H, L extends string = string> {
  /** The handle for these values. Each label keeps at most 100 distinct values, the rest become `__other__`. */
  labels(values: Readonly<Record<L, unknown>>): H;
}

/** Told of every sample that an instrument refused. */
export type OnDrop = (reason: DropReason) => void;

/** A counter's or gauge's series: one plain field, so that a hot path can write `cell.value += n`. */
export class Cell implements Counter, Gauge {
  value = 0;

  constructor(
    readonly labels: LabelValues,
    private readonly monotonic: boolean,
    private readonly onDrop: OnDrop,
  ) {}

  inc(amount = 1): void {
    if (Number.isFinite(amount) && (amount >= 0 || !this.monotonic)) this.value += amount;
    else this.onDrop('value');
  }

  dec(amount = 1): void {
    if (Number.isFinite(amount) && !this.monotonic) this.value -= amount;
    else this.onDrop('value');
  }

  set(value: number): void {
    if (typeof value === 'number' && !this.monotonic) this.value = value;
    else this.onDrop('value');
  }

  reset(): void {
    this.value = 0;
  }
}

/** A histogram's series: counts between bounds, made cumulative only when scraped. */
export class HistogramCell implements Histogram {
  sum = 0;
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;

  constructor(
    readonly labels: LabelValues,
    readonly bounds: readonly number[],
    private readonly onDrop: OnDrop,
  ) {
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    if (typeof value !== 'number' || Number.isNaN(value)) return this.onDrop('value');
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    this.#counts[i]! += 1;
    this.sum += value;
  }

  get count(): number {
    return this.#counts.reduce((total, n) => total + n, 0);
  }

  /** The running totals, one for each bound and one for +Inf. */
  cumulative(): number[] {
    let total = 0;
    return Array.from(this.#counts, (n) => (total += n));
  }

  reset(): void {
    this.sum = 0;
    this.#counts.fill(0);
  }
}
