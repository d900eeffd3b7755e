import { Summary as PromSummary, type MetricObjectWithValues, type MetricValueWithName } from 'prom-client';
import { Cell, HistogramCell, type OnDrop } from './instruments';
import { canonicalLabels, type LabelValues } from './labels';
import type { DropReason } from './names';
import { CellSamples, HistogramSamples, type Sample } from './prom-samples';
import { SeriesIndex } from './series-index';

export const METRIC_TYPES = ['counter', 'gauge', 'histogram', 'summary'] as const;
export type MetricType = (typeof METRIC_TYPES)[number];

/** What a family is, and what must agree when its name is asked for again. */
export interface FamilyDefinition {
  readonly type: MetricType;
  readonly name: string;
  readonly help: string;
  /** Names of the variable labels; constant labels belong to the series. */
  readonly labelNames: readonly string[];
  /** Upper bounds of a histogram; undefined for the other types. */
  readonly buckets?: readonly number[] | undefined;
  /** True for a gauge of what is going on now: a reset of the registry does not change what is true. @default false */
  readonly live?: boolean;
  /** Who writes the series; a metric of the library's own can not be had by another definition of its name. */
  readonly owner?: 'profiled' | undefined;
  /** What aggregating over processes makes of the values. @default 'sum' */
  readonly aggregator?: 'sum' | 'max' | undefined;
}

/** A definition whose type is known. */
export type DefinitionOf<T extends MetricType> = FamilyDefinition & { readonly type: T };

interface FamilyKinds {
  counter: CellFamily;
  gauge: CellFamily;
  histogram: HistogramFamily;
  summary: SummaryFamily;
}

/** The family class that holds series of type `T`. */
export type FamilyOf<T extends MetricType> = FamilyKinds[T];

type Collected = MetricObjectWithValues<MetricValueWithName<string>>;

/** What a family needs of the store that holds it. */
export interface FamilyHost {
  /** Refreshes what is set by update callbacks; undefined when there is nothing to wait for. */
  refresh(): Promise<void> | undefined;
  drop(metric: string, reason: DropReason): void;
}

interface Series {
  readonly labels: LabelValues;
  reset(): void;
}

/**
 * All series of one metric name. It stands in a prom-client `Registry` as any metric does (`get`, `getForPromString`, `reset`,
 * `aggregator`), but holds plain fields that recording writes without a look-up; prom-client reads them when scraped.
 */
export abstract class Family<S extends Series = Series> {
  #index = new SeriesIndex<S>();
  #registeredName: string | undefined;
  protected readonly onDrop: OnDrop;

  constructor(
    readonly definition: FamilyDefinition,
    private readonly host: FamilyHost,
  ) {
    this.onDrop = (reason) => host.drop(definition.name, reason);
  }

  get aggregator(): 'sum' | 'max' {
    return this.definition.aggregator ?? 'sum';
  }

  get type(): MetricType {
    return this.definition.type;
  }

  get help(): string {
    return this.definition.help;
  }

  get name(): string {
    return this.definition.name;
  }

  /** prom-client renames a counter before each OpenMetrics scrape, for ever. Here the new name holds for that one scrape. */
  set name(renamed: string) {
    this.#registeredName = renamed;
  }

  /** Every series in the order in which they were made. The array only grows; when a series goes, another array takes its place. */
  get all(): readonly S[] {
    return this.#index.all;
  }

  /** The series with exactly these labels, made at its zero when it is new; `buckets` are the bounds of a new histogram. */
  series(labels: Readonly<Record<string, unknown>>, buckets = this.definition.buckets): S {
    const canonical = canonicalLabels(labels);
    const known = this.#index.find(canonical);
    if (known) return known;
    const series = this.create(canonical, buckets ?? []);
    this.#index.add(series);
    return series;
  }

  /** The one series of a metric that can have no other: those with other labels are gone. */
  onlySeries(labels: Readonly<Record<string, unknown>>): S {
    const series = this.series(labels);
    if (this.all.length > 1) {
      this.#index = new SeriesIndex();
      this.#index.add(series);
    }
    return series;
  }

  /** Refreshes what update callbacks set; undefined when there is nothing to wait for. Never rejects. */
  refresh(): Promise<void> | undefined {
    return this.host.refresh();
  }

  /** The samples as `Registry.getMetricsAsJSON()` and cluster aggregation want them: every label on every sample. */
  async get(): Promise<Collected> {
    await this.refresh();
    const values = (await this.samples()).map(({ labels, sharedLabels, metricName, value }) => ({
      value,
      ...(metricName !== undefined && { metricName }),
      labels: { ...sharedLabels, ...labels },
    }));
    return this.collected(this.definition.name, values);
  }

  /** The same for `Registry.metrics()`, which keeps the text of a `sharedLabels` object that it has seen before. */
  async getForPromString(): Promise<Collected> {
    const name = this.#registeredName ?? this.definition.name;
    this.#registeredName = undefined;
    await this.refresh();
    return this.collected(name, await this.samples());
  }

  /** Takes every series back to its zero; the series stay. */
  reset(): void {
    for (const series of this.all) series.reset();
  }

  protected abstract create(labels: LabelValues, buckets: readonly number[]): S;
  protected abstract samples(): Sample[] | Promise<Sample[]>;

  private collected(name: string, values: MetricValueWithName<string>[]): Collected {
    return { name, help: this.help, type: this.type, aggregator: this.aggregator, values } as unknown as Collected;
  }
}

/** Counters and gauges: one number a series. */
export class CellFamily extends Family<Cell> {
  readonly #samples = new CellSamples();

  protected create(labels: LabelValues): Cell {
    return new Cell(labels, this.type === 'counter', this.onDrop);
  }

  protected samples(): Sample[] {
    return this.#samples.of(this.all);
  }

  override reset(): void {
    if (!this.definition.live) super.reset();
  }
}

/** Histograms. Series may have bounds of their own; the family's are the default. */
export class HistogramFamily extends Family<HistogramCell> {
  readonly #samples = new HistogramSamples(this.definition.name);

  protected create(labels: LabelValues, buckets: readonly number[]): HistogramCell {
    return new HistogramCell(labels, buckets, this.onDrop);
  }

  protected samples(): Sample[] {
    return this.#samples.of(this.all);
  }
}

/** A summary's series: prom-client's t-digest, one for each label set. */
export class SummaryCell {
  readonly digest: PromSummary;

  constructor(
    readonly labels: LabelValues,
    name: string,
    private readonly onDrop: OnDrop,
  ) {
    this.digest = new PromSummary({ name, help: name, registers: [] });
  }

  observe(value: number): void {
    if (Number.isFinite(value)) this.digest.observe(value);
    else this.onDrop('value');
  }

  reset(): void {
    this.digest.reset();
  }
}

/** Summaries over the life of the process, with prom-client's default quantiles. */
export class SummaryFamily extends Family<SummaryCell> {
  protected create(labels: LabelValues): SummaryCell {
    return new SummaryCell(labels, this.definition.name, this.onDrop);
  }

  protected async samples(): Promise<Sample[]> {
    const values = this.all.map(async (cell) =>
      (await cell.digest.get()).values.map(({ metricName, value, labels }) => ({
        metricName,
        value,
        labels: labels as Sample['labels'],
        sharedLabels: cell.labels,
        exemplar: undefined,
      })),
    );
    return (await Promise.all(values)).flat();
  }
}

const KINDS: {
  readonly [T in MetricType]: new (definition: FamilyDefinition, host: FamilyHost) => FamilyOf<T>;
} = { counter: CellFamily, gauge: CellFamily, histogram: HistogramFamily, summary: SummaryFamily };

/** A family that stands in no registry yet. */
export function createFamily<T extends MetricType>(definition: DefinitionOf<T>, host: FamilyHost): FamilyOf<T> {
  return new KINDS[definition.type](definition, host);
}
