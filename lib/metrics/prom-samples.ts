import type { Cell, Exemplar, HistogramCell } from './instruments';
import { type LabelValues, NO_LABELS } from './labels';

/** An exemplar as prom-client 15 has it. It prints one under its OpenMetrics content type only. */
interface PromExemplar {
  readonly labelSet: LabelValues;
  readonly value: number;
  readonly timestamp: number;
}

/** One line for prom-client. All have the same fields in the same order, since it reads each of them of each sample. */
export interface Sample {
  /** Undefined where it is the family's name. */
  readonly metricName: string | undefined;
  value: number;
  /** Empty but for the quantile of a summary. */
  readonly labels: Readonly<Record<string, string | number>>;
  readonly sharedLabels: LabelValues;
  exemplar: PromExemplar | undefined;
}

/**
 * The samples of many series for a stock `Registry.metrics()`. They are kept from scrape to scrape, with all of their labels in
 * `sharedLabels`: prom-client remembers the text of that object by its identity, and makes that of any other label anew each time,
 * which costs it more than twice as long. Made at the first such scrape, and only then.
 */
abstract class Samples<S extends { readonly labels: LabelValues }> {
  readonly #kept: Sample[][] = [];

  /** What `series` hold now. */
  of(series: readonly S[]): Sample[] {
    const values: Sample[] = [];
    for (let i = 0; i < series.length; i++) {
      const one = series[i]!;
      let own = this.#kept[i];
      // The last one has the labels of the series as they are.
      if (own?.at(-1)!.sharedLabels !== one.labels) own = this.#kept[i] = this.make(one);
      this.fill(own, one);
      for (const sample of own) values.push(sample);
    }
    return values;
  }

  protected abstract make(series: S): Sample[];
  protected abstract fill(samples: readonly Sample[], series: S): void;
}

export class CellSamples extends Samples<Cell> {
  protected make({ labels }: Cell): Sample[] {
    return [sample(undefined, labels)];
  }

  protected fill([only]: readonly Sample[], { value, exemplar }: Cell): void {
    only!.value = value;
    only!.exemplar = exemplar && promExemplar(exemplar);
  }
}

export class HistogramSamples extends Samples<HistogramCell> {
  readonly #bucket: string;
  readonly #sum: string;
  readonly #count: string;

  constructor(name: string) {
    super();
    this.#bucket = `${name}_bucket`;
    this.#sum = `${name}_sum`;
    this.#count = `${name}_count`;
  }

  protected make({ bounds, labels }: HistogramCell): Sample[] {
    const buckets = [...bounds, Infinity].map((bound) =>
      sample(this.#bucket, Object.freeze({ le: leText(bound), ...labels })),
    );
    return [...buckets, sample(this.#sum, labels), sample(this.#count, labels)];
  }

  protected fill(samples: readonly Sample[], { counts, sum, exemplars }: HistogramCell): void {
    let total = 0;
    for (let i = 0; i < counts.length; i++) {
      const exemplar = exemplars?.[i];
      samples[i]!.value = total += counts[i]!;
      samples[i]!.exemplar = exemplar && promExemplar(exemplar);
    }
    samples[counts.length]!.value = sum;
    samples[counts.length + 1]!.value = total;
  }
}

function sample(metricName: string | undefined, sharedLabels: LabelValues): Sample {
  return { metricName, value: 0, labels: NO_LABELS, sharedLabels, exemplar: undefined };
}

function promExemplar({ labels, value, timestamp }: Exemplar): PromExemplar {
  return { labelSet: labels, value, timestamp };
}

function leText(bound: number): string {
  return bound === Infinity ? '+Inf' : String(bound);
}
