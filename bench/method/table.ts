type Row = readonly string[];

/** A table in Markdown, and the empty line behind it. The first column is text, the others are numbers. */
export function table(head: Row, rows: readonly Row[]): string[] {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  return [line(head), `|---|${'---:|'.repeat(head.length - 1)}`, ...rows.map(line), ''];
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en');
export const fine = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
