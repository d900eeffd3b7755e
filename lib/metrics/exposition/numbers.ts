/** A sample's value: JavaScript's own text but for what is not finite. */
export function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

/** The text of a bound in OpenMetrics, the same in every language: `1.0`, `0.25`, `1e+06`. What is no number stays as it is. */
export function canonicalText(bound: string | number): string {
  const value = Number(bound);
  if (bound === '' || Number.isNaN(value)) return String(bound);
  if (!Number.isFinite(value)) return numberText(value);
  const [digits, power] = value.toExponential().split('e') as [string, string];
  const exponent = Number(power);
  if (exponent < -4 || exponent > 5) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}

/** Whether {@link writeDigits} can write `value`. */
export function isPlainInteger(value: number): boolean {
  return value >= 0 && value < 1e15 && Math.floor(value) === value;
}

/** How many digits a plain integer has. */
export function digitCount(value: number): number {
  let count = 1;
  for (let limit = 10; value >= limit; limit *= 10) count++;
  return count;
}

/** Writes the digits of a plain integer so that they end before `end`. */
export function writeDigits(bytes: Uint8Array, end: number, value: number): void {
  let at = end;
  let rest = value;
  while (rest > 0x7fff_ffff) {
    const tenth = Math.floor(rest / 10);
    bytes[--at] = 48 + (rest - tenth * 10);
    rest = tenth;
  }
  let small = rest | 0;
  do {
    const tenth = (small / 10) | 0;
    bytes[--at] = 48 + (small - tenth * 10);
    small = tenth;
  } while (small > 0);
}
