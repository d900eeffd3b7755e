import type { Exemplar } from '../instruments';
import { escapeLabelValue } from './escape';
import { numberText } from './numbers';

/** How many characters the names and values of an exemplar's labels may have together, by OpenMetrics. */
const MAX_CHARACTERS = 128;

/** What follows a value: ` # {trace_id="abc"} 0.67 1520879607.789`, or nothing if the labels are too long. */
export function exemplarText({ labels, value, timestamp }: Exemplar): string {
  const pairs = Object.entries(labels);
  const characters = pairs.reduce((sum, [name, text]) => sum + name.length + [...text].length, 0);
  if (characters > MAX_CHARACTERS) return '';
  const inside = pairs.map(([name, text]) => `${name}="${escapeLabelValue(text)}"`).join(',');
  return ` # {${inside}} ${numberText(value)} ${timestampText(timestamp)}`;
}

/** A timestamp in full digits, since some readers take no exponent; to the millisecond. */
function timestampText(seconds: number): string {
  return String(Math.round(seconds * 1_000) / 1_000);
}
