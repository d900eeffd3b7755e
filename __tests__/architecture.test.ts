import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import {
  createSourceFile,
  forEachChild,
  isBindingElement,
  isElementAccessExpression,
  isFunctionLike,
  isImportSpecifier,
  isExportDeclaration,
  isPropertyAccessExpression,
  isStringLiteral,
  type Node,
  ScriptTarget,
  type SourceFile,
  SyntaxKind,
} from 'typescript';

const ROOT = resolve(__dirname, '..');
const CONFIG = '.dependency-cruiser.cjs';

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
  readonly to: string;
}

/** What dependency-cruiser reports of `lib` and `decorators` below `root`, as "rule: from -> to". */
function cruise(root: string): Promise<Violation[]> {
  const program = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [program, '--config', CONFIG, '--output-type', 'json', 'lib', 'decorators'];
  return new Promise((settle, reject) => {
    // Its exit code is the number of violations, so only output that is no report is a failure.
    execFile(process.execPath, args, { cwd: root, maxBuffer: 64 * 2 ** 20 }, (_, stdout, stderr) => {
      try {
        settle((JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations);
      } catch {
        reject(new Error(`dependency-cruiser gave no report: ${stderr || stdout.slice(0, 500)}`));
      }
    });
  });
}

/** For every rule a file that breaks it. */
const BREACHES: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'lib-errors': ['lib/errors/planted.ts', "import '../internal/clock';"],
  'lib-internal': [
    'lib/internal/planted.ts',
    "import type { Naming } from '../metrics/names';\nexport type N = Naming;",
  ],
  'lib-config': ['lib/config/planted.ts', "import '../metrics/names';"],
  'lib-engine': ['lib/engine/planted.ts', "import '../profile/profile';"],
  'lib-wire': ['lib/wire/planted.ts', "import '../profile/profile';"],
  'lib-metrics': ['lib/metrics/planted.ts', "export const late = () => import('../engine/shape');"],
  'lib-profile': ['lib/profile/planted.ts', "import '../server/health';"],
  'lib-transports': ['lib/transports/planted.ts', "import '../engine/context';"],
  'lib-discovery': ['lib/discovery/planted.ts', "import '../transports/transport';"],
  'lib-ingress': ['lib/ingress/planted.ts', "import '../server/health';"],
  'lib-server': ['lib/server/planted.ts', "import '../profile/profile';"],
  'lib-runtime': ['lib/runtime/planted.ts', "import '../server/listen';"],
  'lib-testing': ['lib/testing/planted.ts', "import '../runtime/distributed-runtime';"],
  'lib-artefacts': ['lib/artefacts/planted.ts', "import '../cli/usage';"],
  'lib-cli': ['lib/cli/planted.ts', "import '../profile/profile';"],
  decorators: ['decorators/planted.ts', "import '../lib/server/system-server';"],
  'index-alone-knows-the-decorators': ['lib/profile/planted-decorator.ts', "import '../../decorators/profiled';"],
  'nobody-imports-the-index': ['decorators/planted-index.ts', "export { Profiled } from '../lib/index';"],
  'ingress-knows-transports-as-types': ['lib/ingress/planted-transport.ts', "import '../transports/transport';"],
  'no-cycles': ['lib/engine/planted-cycle.ts', "import './planted-cycle-back';"],
  'no-orphans': ['lib/engine/planted-orphan.ts', 'export const unused = 1;'],
  resolvable: ['lib/engine/planted-missing.ts', "import './is-not-there';"],
  'owner-of-prom-client': ['lib/profile/planted-owner.ts', "import { register } from 'prom-client';\nvoid register;"],
  'owner-of-express': ['lib/metrics/planted-owner.ts', "import express from 'express';\nvoid express;"],
  'owner-of-sockets': ['lib/ingress/planted-owner.ts', "import 'node:net';"],
  'owner-of-workers': ['lib/runtime/planted-owner.ts', "import 'node:cluster';"],
  'owner-of-files': ['lib/server/planted-owner.ts', "import 'node:fs/promises';"],
  'owner-of-grpc': ['lib/runtime/planted-grpc.ts', "import '@grpc/grpc-js';"],
  'owner-of-nats': ['lib/transports/tcp/planted-owner.ts', "import '@nats-io/transport-node';"],
  'owner-of-yaml': ['lib/artefacts/planted-yaml.ts', "import 'yaml';"],
  'owner-of-pino': ['lib/server/planted-logger.ts', "import 'pino';"],
};

/** The other half of the planted cycle, which is reported once, from either end. */
const CYCLE_BACK = ['lib/engine/planted-cycle-back.ts', "import './planted-cycle';"] as const;

function plantedCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), 'profiled-architecture-'));
  for (const name of ['lib', 'decorators', CONFIG, 'tsconfig.json', 'package.json']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const [file, text] of [...Object.values(BREACHES), CYCLE_BACK]) {
    cpSync(join(ROOT, 'lib/errors.ts'), join(copy, file)); // makes the folder
    writeFileSync(join(copy, file), `${text}\nexport {};\n`);
  }
  return copy;
}

describe('who may import whom', () => {
  let copy: string;
  let actual: Violation[];
  let planted: Violation[];

  beforeAll(async () => {
    copy = plantedCopy();
    [actual, planted] = await Promise.all([cruise(ROOT), cruise(copy)]);
  }, 60_000);
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  const lines = (violations: Violation[]) => violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);

  test('nobody breaks a rule', () => {
    expect(lines(actual)).toEqual([]);
  });

  test.each(Object.entries(BREACHES))('a breach of %s is found', (rule, [file]) => {
    const places = rule === 'no-cycles' ? [file, CYCLE_BACK[0]] : [file];
    expect(planted.filter(({ from }) => places.includes(from)).map(({ rule: { name } }) => name)).toContain(rule);
  });

  test('and nothing but the breaches', () => {
    const files = [...Object.values(BREACHES), CYCLE_BACK].map(([file]) => file);
    const before = new Set(lines(actual));
    const others = planted.filter((violation) => !files.includes(violation.from));
    expect(lines(others).filter((line) => !before.has(line))).toEqual([]);
  });

  test('every rule has its breach here, every folder of lib its rule', () => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the name is a constant of this file
    const { forbidden } = require(join(ROOT, CONFIG)) as { forbidden: { name: string }[] };
    const rules = forbidden.map(({ name }) => name);
    expect(Object.keys(BREACHES).sort()).toEqual([...rules].sort());
    const entries = readdirSync(join(ROOT, 'lib')).map((name) => basename(name, '.ts'));
    const ruled = new Set([...rules.map((name) => name.replace(/^lib-/, '')), 'index', 'register']);
    expect(entries.filter((name) => !ruled.has(name))).toEqual([]);
  });
});

const SOURCES = ['lib', 'decorators'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => parse(`${folder}/${file}`, readFileSync(join(ROOT, folder, file), 'utf8'))),
);

function parse(name: string, text: string): SourceFile {
  return createSourceFile(name, text, ScriptTarget.Latest, true);
}

/** Where `matches` is true of a node, as `file:line`. */
function places(sources: readonly SourceFile[], matches: (node: Node, source: SourceFile) => boolean): string[] {
  const found: string[] = [];
  for (const source of sources) {
    const visit = (node: Node): void => {
      if (matches(node, source)) found.push(`${source.fileName}:${lineOf(source, node.getStart(source))}`);
      forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

function lineOf(source: SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1;
}

/** `process.name`, `process['name']`, `{ name } = process` or `import { name } from 'node:process'`, for any of `names`. */
function isProcessMember(node: Node, names: readonly string[]): boolean {
  if (isPropertyAccessExpression(node)) return isProcess(node.expression) && names.includes(node.name.text);
  if (isElementAccessExpression(node)) {
    const { argumentExpression: key } = node;
    return isProcess(node.expression) && (!isStringLiteral(key) || names.includes(key.text));
  }
  if (isBindingElement(node) || isImportSpecifier(node)) {
    const taken = (node.propertyName ?? node.name).getText();
    const statement = isImportSpecifier(node) ? node.parent.parent.parent : node.parent.parent;
    return names.includes(taken) && /\bprocess\b['"]?;?\s*$/.test(statement.getText());
  }
  return false;
}

function isProcess(node: Node): boolean {
  return /^(globalThis\.)?process$/.test(node.getText());
}

const ANY = (node: Node) => node.kind === SyntaxKind.AnyKeyword;
const STAR = (node: Node) => isExportDeclaration(node) && !node.exportClause;
const ENVIRONMENT = (node: Node) => isProcessMember(node, ['env', 'loadEnvFile']);
const EXIT_CODE = (node: Node) => isProcessMember(node, ['exitCode']);
const PROCESS_CONTROL = (node: Node) =>
  isProcessMember(node, ['on', 'once', 'addListener', 'prependListener', 'exit', 'exitCode', 'abort', 'kill']);

describe('the measures of the house', () => {
  const lengths = SOURCES.map((source) => ({
    file: source.fileName,
    lines: source.text.split('\n').length - 1,
  })).sort((a, b) => a.lines - b.lines);

  test('no file is longer than 300 lines, and most are far shorter', () => {
    expect(lengths.length).toBeGreaterThan(50);
    expect(lengths.filter(({ lines }) => lines > 300)).toEqual([]);
    expect(lengths[Math.floor(lengths.length / 2)]!.lines).toBeLessThanOrEqual(100);
    expect(lengths[Math.floor(lengths.length * 0.9)]!.lines).toBeLessThanOrEqual(200);
  });

  test('no function is longer than 40 lines', () => {
    const isLong = (node: Node, source: SourceFile): boolean =>
      isFunctionLike(node) && lineOf(source, node.getEnd()) - lineOf(source, node.getStart(source)) >= 40;
    expect(places(SOURCES, isLong)).toEqual([]);
  });

  test('files are named for what they do', () => {
    const vague = /(^|[-.])(utils?|helpers?|common|misc|shared|stuff)([-.]|$)/;
    expect(SOURCES.map(({ fileName }) => fileName).filter((file) => vague.test(basename(file)))).toEqual([]);
  });

  test('exports are enumerated', () => {
    expect(places(SOURCES, STAR)).toEqual([]);
  });

  test('nothing is `any`', () => {
    expect(places(SOURCES, ANY)).toEqual([]);
  });

  test('only config reads the environment', () => {
    const read = places(SOURCES, ENVIRONMENT);
    expect(read.filter((place) => !place.startsWith('lib/config/'))).toEqual([]);
    expect(read).not.toEqual([]);
  });

  test('nobody handles signals or ends the process; the command alone sets its exit code', () => {
    const isMain = ({ fileName }: SourceFile) => fileName === 'lib/cli/main.ts';
    const others = SOURCES.filter((source) => !isMain(source));
    expect(places(others, PROCESS_CONTROL)).toEqual([]);
    const main = SOURCES.filter(isMain);
    expect(places(main, EXIT_CODE)).toHaveLength(1);
    expect(places(main, PROCESS_CONTROL)).toEqual(places(main, EXIT_CODE));
  });

  test.each<[string, string, (node: Node) => boolean]>([
    ['any', 'const x = (y as any).z;', ANY],
    ['any', 'function f<T = any>(x: T) {}', ANY],
    ['export *', "export * from './x';", STAR],
    ['export * as', "export * from './x'; export { y };", STAR],
    ['process.env', 'const x = process.env.X;', ENVIRONMENT],
    ['process?.env', 'const x = globalThis.process?.env;', ENVIRONMENT],
    ["process['env']", "const x = process['env'];", ENVIRONMENT],
    ['process[computed]', 'const x = process[key];', ENVIRONMENT],
    ['{ env } = process', 'const { env: environment } = process;', ENVIRONMENT],
    ['import { env }', "import { env } from 'node:process';", ENVIRONMENT],
    ['process.on', "process.on('SIGTERM', stop);", PROCESS_CONTROL],
    ['process.exit', 'process.exit(1);', PROCESS_CONTROL],
    ['import { exit }', "import { exit as leave } from 'process';", PROCESS_CONTROL],
  ])('%s would be found', (_, text, matches) => {
    expect(places([parse('planted.ts', text)], matches)).toEqual(['planted.ts:1']);
  });
});
