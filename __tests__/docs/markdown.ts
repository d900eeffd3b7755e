import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '../..');

/** The text of a file of the repository. */
export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** The text below the heading `## title` up to the next heading of its level. */
export function section(text: string, title: string): string {
  const [, rest] = text.split(`\n## ${title}\n`);
  if (rest === undefined) throw new Error(`there is no section "${title}"`);
  return rest.split('\n## ')[0]!;
}

/** The rows of the first table in `text`, its header row left out. */
export function tableRows(text: string): string[][] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => /^\|[-|: ]+\|$/.test(line));
  const rows: string[][] = [];
  for (const line of lines.slice(first + 1)) {
    if (!line.startsWith('|')) break;
    const cells = line.split(/(?<!\\)\|/).slice(1, -1);
    rows.push(cells.map((cell) => cell.trim()));
  }
  if (first < 0 || rows.length === 0) throw new Error('there is no table');
  return rows;
}

/** `name` for a cell that reads `` `name` ``; other text as it is. */
export function plain(cell: string): string {
  return cell.replace(/^`([^`]*)`$/, '$1');
}

/** The fenced code blocks of a language. */
export function codeBlocks(text: string, language: string): string[] {
  const fences = text.matchAll(new RegExp('^```' + language + '\\n([^]*?)^```$', 'gm'));
  return Array.from(fences, ([, code]) => code!);
}
