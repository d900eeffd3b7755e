import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Ratios } from './guard';

/** One full run: where it ran, and how many times less than its peers ours cost. */
export interface Entry {
  readonly date: string;
  readonly version: string;
  readonly node: string;
  readonly cpu: string;
  readonly ratios: Ratios;
}

/** The ratios that were recorded last; none where nothing ever was. */
export function lastRatios(file: string): Ratios {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  return lines.length === 0 ? {} : (JSON.parse(lines.at(-1)!) as Entry).ratios;
}

/** Adds a run. What ran before stays. */
export function append(file: string, entry: Entry): void {
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
}
