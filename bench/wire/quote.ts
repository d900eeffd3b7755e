import { readFileSync, writeFileSync } from 'node:fs';

/** Puts `lines` between the comments `<!-- bench: name -->` and `<!-- /bench: name -->` of a page. @throws when they are not there */
export function quoted(page: string, name: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- bench: ${name} -->\n`, `<!-- /bench: ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no place for the quote "${name}"`);
  return `${page.slice(0, from + begin.length)}${lines.join('\n')}\n${page.slice(to)}`;
}

/** The same for a file. */
export function quoteInto(file: string, name: string, lines: readonly string[]): void {
  writeFileSync(file, quoted(readFileSync(file, 'utf8'), name, lines));
}
