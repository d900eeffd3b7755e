import type { Cell, HistogramCell } from '../../instruments';
import type { LabelValues } from '../../labels';
import type { FamilyNames, Format } from '../format';
import { braced, joined, type Labels, sortedPairs } from '../labels-text';
import { Lines } from './lines';

/** A block takes no more series once it has this many lines or bytes: so much is written without a look at the clock. */
const FULL_LINES = 128;
const FULL_BYTES = 32_768;

/** How the lines of a family look. */
export interface LineStyle {
  readonly names: FamilyNames;
  readonly format: Format;
  /** Labels that every sample of the registry has unless it sets them itself. */
  readonly defaultLabels: Labels;
}

/** A run of series of one family and their lines, which are brought up to date together. */
export abstract class Block<S extends { readonly labels: LabelValues }> {
  readonly lines: Lines;
  /** The first series behind this block. */
  readonly end: number;
  readonly isFull: boolean;

  constructor(
    protected readonly series: readonly S[],
    readonly start: number,
    protected readonly style: LineStyle,
  ) {
    const prefixes: string[] = [];
    let bytes = 0;
    let at = start;
    while (at < series.length && prefixes.length < FULL_LINES && bytes < FULL_BYTES) {
      for (const prefix of this.prefixes(series[at++]!)) {
        prefixes.push(prefix);
        bytes += prefix.length;
      }
    }
    this.end = at;
    this.isFull = prefixes.length >= FULL_LINES || bytes >= FULL_BYTES;
    this.lines = new Lines(prefixes);
  }

  /** Writes what has changed since the last time. All lines of one series are of one moment. */
  abstract refresh(): void;

  /** What stands before the values of one series, line by line. */
  protected abstract prefixes(series: S): string[];

  protected labels({ labels }: S): string {
    return sortedPairs(this.style.defaultLabels, labels);
  }
}

/** Counters and gauges. */
export class CellBlock extends Block<Cell> {
  refresh(): void {
    const { series, start, end, lines } = this;
    const { values } = lines;
    const hasExemplars = this.style.format.exemplars && this.style.names.type === 'counter';
    for (let i = start; i < end; i++) {
      const { value, exemplar } = series[i]!;
      if (hasExemplars) lines.putWith(i - start, value, exemplar);
      else if (value !== values[i - start]) lines.put(i - start, value);
    }
  }

  protected prefixes(cell: Cell): string[] {
    return [`${this.style.names.sample}${braced(this.labels(cell))} `];
  }
}

/** Histograms: buckets, sum, count. */
export class HistogramBlock extends Block<HistogramCell> {
  refresh(): void {
    const { series, start, end, lines } = this;
    const { values } = lines;
    const hasExemplars = this.style.format.exemplars;
    let line = 0;
    for (let i = start; i < end; i++) {
      const { counts, exemplars, sum } = series[i]!;
      let total = 0;
      for (let bucket = 0; bucket < counts.length; bucket++, line++) {
        total += counts[bucket]!;
        if (hasExemplars) lines.putWith(line, total, exemplars?.[bucket]);
        else if (total !== values[line]) lines.put(line, total);
      }
      if (sum !== values[line]) lines.put(line, sum);
      if (total !== values[++line]) lines.put(line, total);
      line++;
    }
  }

  protected prefixes(cell: HistogramCell): string[] {
    const { names, format } = this.style;
    const labels = this.labels(cell);
    const buckets = [...cell.bounds, '+Inf'].map(
      (bound) => `${names.family}_bucket{${joined(labels, `le="${format.bound(bound)}"`)}} `,
    );
    const rest = braced(labels);
    return [...buckets, `${names.family}_sum${rest} `, `${names.family}_count${rest} `];
  }
}
