import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { plain, ROOT, section, tableRows, textOf } from './markdown';

const ADRS = readdirSync(join(ROOT, 'docs/adr')).sort();
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
  ...ADRS.map((file) => `docs/adr/${file}`),
];

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const MANIFEST = JSON.parse(textOf('package.json')) as Manifest;

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

describe.each(PAGES)('%s', (page) => {
  const text = textOf(page);
  const prose = text.replace(/^```[^]*?^```$/gm, '');

  test('has links that lead somewhere', () => {
    const links = Array.from(prose.matchAll(/\]\((?!https?:)([^)\s]+)\)/g), ([, link]) => link!);
    const broken = links.filter((link) => {
      const [file, anchor] = link.split('#') as [string, string?];
      const target = file === '' ? page : join(dirname(page), file);
      if (!existsSync(join(ROOT, target))) return true;
      const headings =
        anchor === undefined ? [] : Array.from(textOf(target).matchAll(/^#+ (.+)$/gm), ([, h]) => anchorOf(h!));
      return anchor !== undefined && !headings.includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('names only scripts of package.json', () => {
    const named = Array.from(
      text.matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g),
      ([, run, short]) => run ?? short!,
    );
    expect(named.filter((name) => !Object.hasOwn(MANIFEST.scripts, name))).toEqual([]);
  });

  test('names only samples and tests that exist', () => {
    const named = text.match(/\b(samples|__tests__)\/[\w./-]+\.ts\b/g) ?? [];
    expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});

test('CONTRIBUTING.md names every script that is for people', () => {
  const text = textOf('CONTRIBUTING.md');
  const scripts = Object.keys(MANIFEST.scripts).filter((name) => !['prepack', 'lint'].includes(name));
  expect(scripts.filter((name) => !new RegExp(`npm (run )?${name}\\b`).test(text))).toEqual([]);
});

test('CONTRIBUTING.md shows the folders of lib as they are', () => {
  const [, tree] = /^lib\/\n((?: {2}.+\n)+)/m.exec(textOf('CONTRIBUTING.md'))!;
  const shown = tree!
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s/)[0]!.replace('/', ''));
  const actual = readdirSync(join(ROOT, 'lib')).filter((name) => name !== 'register.ts');
  expect(shown.sort()).toEqual(actual.sort());
});

test('CHANGELOG.md has a section for what is not released yet', () => {
  expect(section(textOf('CHANGELOG.md'), '[Unreleased]')).toMatch(
    /### (Added|Changed|Deprecated|Removed|Fixed|Security)\n\n- /,
  );
});

describe('docs/adr', () => {
  test('is numbered without gaps', () => {
    expect(ADRS.map((file) => Number(/^(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1]))).toEqual(ADRS.map((_, i) => i + 1));
  });

  test.each(ADRS)('%s fits a page and has its three sections', (file) => {
    const text = textOf(`docs/adr/${file}`);
    expect(text).toMatch(new RegExp(`^# ${Number(file.slice(0, 4))}\\. \\S`));
    expect(Array.from(text.matchAll(/^## (.+)$/gm), ([, title]) => title)).toEqual([
      'Context',
      'Decision',
      'Consequences',
    ]);
    expect(text.split(/\s+/).length).toBeLessThan(600);
  });
});

describe('docs/adr/0006-dependencies.md', () => {
  const decision = section(textOf('docs/adr/0006-dependencies.md'), 'Decision');

  test('has a reason for every package that users install', () => {
    const listed = tableRows(decision).flatMap(([names]) =>
      names!
        .replace(/ \((optional )?peers?\)/, '')
        .split(', ')
        .map(plain),
    );
    const actual = Object.keys({ ...MANIFEST.dependencies, ...MANIFEST.peerDependencies });
    expect(listed.sort()).toEqual(actual.sort());
  });

  test('names every tool of development', () => {
    const tools = Object.keys(MANIFEST.devDependencies).filter(
      (name) => !/^@types\/|^@eslint\/|^prom-client$/.test(name),
    );
    expect(tools.filter((name) => !decision.includes(name))).toEqual([]);
  });
});

test('LICENSE is the whole Apache License, with the copyright filled in', () => {
  const text = textOf('LICENSE');
  expect(text).toMatch(/^\s+Apache License\n\s+Version 2\.0, January 2004\n/);
  for (let n = 1; n <= 9; n++) expect(text).toMatch(new RegExp(`^ {3}${n}\\. [A-Z]`, 'm'));
  expect(text).toContain('END OF TERMS AND CONDITIONS\n\n   APPENDIX: How to apply the Apache License to your work.');
  expect(text).toContain('\n   Copyright 2026 The Profiled authors\n');
  expect(text.trimEnd()).toMatch(/limitations under the License\.$/);
});
