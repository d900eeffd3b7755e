import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createSourceFile,
  forEachChild,
  isIdentifier,
  isNewExpression,
  isStringLiteral,
  type Node,
  ScriptTarget,
} from 'typescript';
import { ERROR_CODES, ERROR_TYPES } from '../../lib';
import { plain, ROOT, section, tableRows, textOf } from './markdown';

const PAGE = textOf('docs/errors.md');

describe('docs/errors.md', () => {
  test('has a row for every code, with the meaning that the code list gives, and no other', () => {
    const rows = tableRows(section(PAGE, 'Codes'));
    expect(rows.map(([code, meaning]) => [plain(code!), meaning])).toEqual(Object.entries(ERROR_CODES));
  });

  test('says of every code when it happens and what to do', () => {
    for (const row of tableRows(section(PAGE, 'Codes')))
      expect(row.map((cell) => cell.length > 10)).toEqual(Array(4).fill(true));
  });

  test('has a row for every error type, and no other', () => {
    const rows = tableRows(section(PAGE, 'Error types'));
    expect(rows.map(([type]) => plain(type!))).toEqual([...ERROR_TYPES]);
    for (const row of rows) expect(row).toHaveLength(3);
  });
});

test.each(['README.md', 'docs/configuration.md', 'docs/metrics.md', 'docs/errors.md'])(
  '%s names no code that does not exist',
  (file) => {
    const named = textOf(file).match(/\bPROFILED_[A-Z_]+\b/g) ?? [];
    expect(named.filter((code) => !Object.hasOwn(ERROR_CODES, code))).toEqual([]);
  },
);

/** The code of `new ProfiledError('CODE', ...)`. */
function thrownCode(node: Node): string | undefined {
  if (!isNewExpression(node) || !isIdentifier(node.expression) || node.expression.text !== 'ProfiledError')
    return undefined;
  const code = node.arguments?.[0];
  return code && isStringLiteral(code) ? code.text : undefined;
}

test('every code is thrown somewhere', () => {
  const thrown = new Set<string | undefined>();
  for (const folder of ['lib', 'decorators']) {
    for (const file of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const visit = (node: Node): void => {
        thrown.add(thrownCode(node));
        forEachChild(node, visit);
      };
      visit(createSourceFile(file, readFileSync(join(ROOT, folder, file), 'utf8'), ScriptTarget.Latest));
    }
  }
  expect(Object.keys(ERROR_CODES).filter((code) => !thrown.has(code))).toEqual([]);
});
