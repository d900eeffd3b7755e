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

/** A request that stands for many, such as one whose trace is kept. Never changed once it is set: another one takes its place. */
export interface Exemplar {
  /** At most 128 characters in all, names and values together; a scrape leaves a longer one out. */
  readonly labels: LabelValues;
  /** The observation or the increment that it stands for. */
  readonly value: number;
  /** Unix time in seconds, with a fraction. */
  readonly timestamp: number;
}

/** Told of every sample that an instrument refused. */
export type OnDrop = (reason: DropReason) => void;

/** A counter's or gauge's series: one plain field, so that a hot path can write `cell.value += n`. */
export class Cell implements Counter, Gauge {
  value = 0;
  /** Shown beside a counter's value, in OpenMetrics scrapes alone. */
  exemplar: Exemplar | undefined = undefined;

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
    this.exemplar = undefined;
  }
}

/** How many counts are given room at once; 8 KiB. */
const ROOM = 1_024;

/** Bounds, as they were given and as doubles. */
interface Bounds {
  readonly given: readonly number[];
  readonly doubles: Float64Array;
}

/** Each set of bounds once, however many histograms have it. */
const BOUNDS = new Map<string, Bounds>();

function boundsOf(given: readonly number[]): Bounds {
  const key = given.join();
  let bounds = BOUNDS.get(key);
  if (!bounds) BOUNDS.set(key, (bounds = { given: [...given], doubles: Float64Array.from(given) }));
  return bounds;
}

/** Where the counts of the next histograms go: a buffer for each of them would weigh more than they do. */
let room = new Float64Array(0);
let taken = 0;

function zeros(length: number): Float64Array {
  if (taken + length > room.length) {
    room = new Float64Array(Math.max(ROOM, length));
    taken = 0;
  }
  return room.subarray(taken, (taken += length));
}

/** A histogram's series: counts between bounds, made cumulative only when scraped. */
export class HistogramCell implements Histogram {
  sum = 0;
  /** Observations between two bounds; the last place is for those above all of them. Read by a scrape. */
  readonly counts: Float64Array;
  /** One place for each place of {@link counts}, made when there is a first one. Shown in OpenMetrics scrapes alone. */
  exemplars: (Exemplar | undefined)[] | undefined = undefined;
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: readonly number[];
  readonly #bounds: Float64Array;

  constructor(
    readonly labels: LabelValues,
    bounds: readonly number[],
    private readonly onDrop: OnDrop,
  ) {
    const known = boundsOf(bounds);
    this.bounds = known.given;
    this.#bounds = known.doubles;
    this.counts = zeros(bounds.length + 1);
  }

  /** `exemplar` are the labels of what stands for this observation in its bucket from now on. */
  observe(value: number, exemplar?: LabelValues): void {
    if (typeof value !== 'number' || Number.isNaN(value)) return this.onDrop('value');
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    this.counts[i]! += 1;
    this.sum += value;
    if (exemplar) this.#show(i, value, exemplar);
  }

  #show(bucket: number, value: number, labels: LabelValues): void {
    (this.exemplars ??= [])[bucket] = { labels, value, timestamp: Date.now() / 1000 };
  }

  get count(): number {
    return this.counts.reduce((total, n) => total + n, 0);
  }

  reset(): void {
    this.sum = 0;
    this.counts.fill(0);
    this.exemplars = undefined;
  }
}
