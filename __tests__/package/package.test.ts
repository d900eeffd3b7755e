import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { createSourceFile, forEachChild, type Node, ScriptTarget, SyntaxKind } from 'typescript';
import { ask } from '../support/http';
import { ADDRESS, CUSTOM_METRIC, DRIVER, EXAMPLE, type Report } from './example';
import { cleanEnvironment, type Installed, MANIFEST, node, packAndInstall, project, ROOT } from './installed';

const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const TSX = join(ROOT, 'node_modules/tsx/dist/cli.mjs');
const PUBLINT = join(ROOT, 'node_modules/publint/src/cli.js');
const ATTW = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');

const COMPILER_OPTIONS = {
  target: 'ES2022',
  module: 'node20',
  strict: true,
  types: ['node'],
  rootDir: '.',
  outDir: 'out',
};
const LEGACY = { ...COMPILER_OPTIONS, experimentalDecorators: true, emitDecoratorMetadata: true, skipLibCheck: true };
/** Without `skipLibCheck`: the declarations of the package are checked too. */
const STANDARD = { ...COMPILER_OPTIONS };

let installed: Installed;
let legacy: string;
let standard: string;
let esm: string;

beforeAll(async () => {
  installed = await packAndInstall();
  const app = EXAMPLE + DRIVER;
  legacy = project(installed, 'legacy', {
    'package.json': { name: 'legacy' },
    'tsconfig.json': { compilerOptions: LEGACY, include: ['*'] },
    'app.ts': app,
    'app-esm.mts': app,
  });
  standard = project(installed, 'standard', {
    'package.json': { name: 'standard' },
    'tsconfig.json': { compilerOptions: STANDARD, include: ['*'] },
    'app.ts': app,
    'app-esm.mts': app,
  });
  esm = project(installed, 'esm', {
    'package.json': { name: 'esm', type: 'module' },
    'app.js': `
      import { Profiled, profiled, CustomMetric, Context, Annotated, ProfiledError, getRegistry } from 'profiled';
      import * as everything from 'profiled';
      import { sample } from 'profiled/testing';
      import { createRequire } from 'node:module';
      const answer = profiled('ns.comp.answer', (question) => question.length);
      answer('four');
      process.stdout.write(JSON.stringify({
        types: [Profiled, profiled, CustomMetric, Context, Annotated, ProfiledError].map((value) => typeof value),
        same: createRequire(import.meta.url)('profiled').Profiled === Profiled && everything.Profiled === Profiled,
        requests: await sample(getRegistry(), 'requests_total', { endpoint: 'answer' }),
      }));`,
  });
  // One after the other: two compilers at once gain nothing on two busy cores.
  await node([TSC, '-p', legacy], legacy);
  await node([TSC, '-p', standard], standard);
}, 120_000);

afterAll(() => rmSync(installed.home, { recursive: true, force: true }));

describe('the tarball', () => {
  test('holds what a user needs and nothing else', () => {
    const { files } = installed;
    expect(files).toEqual(expect.arrayContaining(['package.json', 'LICENSE', 'CHANGELOG.md', 'dist/lib/index.d.ts']));
    const expected =
      /^(dist\/(lib|decorators)\/.+\.(js|d\.ts)(\.map)?|(lib|decorators)\/.+\.ts|[A-Z]+(\.md)?|package\.json)$/;
    expect(files.filter((file) => !expected.test(file))).toEqual([]);
  });

  test('has every file that `exports` names', () => {
    const targets = Object.values(MANIFEST.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    );
    expect(targets.map((target) => target.replace('./', '')).filter((file) => !installed.files.includes(file))).toEqual(
      [],
    );
  });

  test('has the sources that its maps point to', () => {
    const folder = join(installed.home, 'node_modules/profiled');
    const maps = installed.files.filter((file) => file.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(100);
    const missing = maps.filter((file) => {
      const { sources } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { sources: string[] };
      return sources.some((source) => !existsSync(join(folder, dirname(file), source)));
    });
    expect(missing).toEqual([]);
  });

  test('has no `any` in its types, written or inferred', () => {
    const folder = join(installed.home, 'node_modules/profiled');
    const found = installed.files.filter((file) => {
      if (!file.endsWith('.d.ts')) return false;
      let isFound = false;
      const visit = (node: Node): void => {
        if (node.kind === SyntaxKind.AnyKeyword) isFound = true;
        forEachChild(node, visit);
      };
      visit(createSourceFile(file, readFileSync(join(folder, file), 'utf8'), ScriptTarget.Latest));
      return isFound;
    });
    expect(found).toEqual([]);
  });

  test('is clean for publint, warnings and suggestions included', async () => {
    expect(
      await node([PUBLINT, 'run', installed.tarball, '--strict', '--level', 'suggestion'], installed.home),
    ).toMatch(/All good!/);
  });

  test('has types that agree with its code in every resolution that Node has', async () => {
    const args = [ATTW, installed.tarball, '--profile', 'node16', '--format', 'json', '--no-color'];
    const { analysis, problems } = JSON.parse(await node(args, installed.home)) as {
      analysis: { entrypoints: Record<string, unknown> };
      problems?: Record<string, unknown>;
    };
    expect(Object.keys(analysis.entrypoints)).toEqual(Object.keys(MANIFEST.exports));
    const found = Object.values(problems ?? {}).flat() as { kind: string; resolutionKind?: string }[];
    expect(found.filter(({ resolutionKind }) => resolutionKind !== 'node10')).toEqual([]);
  });
});

describe("the README's example works unchanged", () => {
  const labels = `component="${ADDRESS[1]}",endpoint="${ADDRESS[2]}",namespace="${ADDRESS[0]}"`;

  test.each<[string, boolean, () => Promise<string>]>([
    ['legacy decorators, tsc, CommonJS', false, () => node(['out/app.js'], legacy)],
    ['legacy decorators, tsc, ESM', false, () => node(['out/app-esm.mjs'], legacy)],
    ['standard decorators, tsc, CommonJS', true, () => node(['out/app.js'], standard)],
    ['standard decorators, tsc, ESM', true, () => node(['out/app-esm.mjs'], standard)],
    ['legacy decorators, tsx, CommonJS', false, () => node([TSX, 'app.ts'], legacy)],
    ['legacy decorators, tsx, ESM', false, () => node([TSX, 'app-esm.mts'], legacy)],
    ['standard decorators, tsx, CommonJS', true, () => node([TSX, 'app.ts'], standard)],
    ['standard decorators, tsx, ESM', true, () => node([TSX, 'app-esm.mts'], standard)],
  ])('%s', async (_, isStandard, start) => {
    const report = JSON.parse(await start()) as Report;
    expect(report).toMatchObject({ standard: isStandard, requests: 3 });
    expect(report.texts).toEqual(['test message 0', 'test message 1', 'test message 2']);
    const lines = report.scrape.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE requests_total counter',
        `requests_total{${labels}} 3`,
        `request_bytes_total{${labels}} 42`,
        // Three times fourteen items of `{"data":"t"}`.
        `response_bytes_total{${labels}} 504`,
        `request_duration_seconds_count{${labels}} 3`,
        `concurrent_requests{${labels}} 0`,
        `cancellation_total{${labels}} 0`,
        `errors_total{component="${ADDRESS[1]}",endpoint="${ADDRESS[2]}",error_type="generate",namespace="${ADDRESS[0]}"} 0`,
        `${CUSTOM_METRIC}{${labels}} 42`,
      ]),
    );
  });
});

test('the command `profiled` prints rules for the handlers of a compiled program', async () => {
  const command = join(installed.home, 'node_modules/profiled', MANIFEST.bin.profiled);
  const rules = await node([command, 'rules', 'out/app.js'], legacy);
  expect(rules).toContain(
    `requests_total{component="${ADDRESS[1]}",endpoint="${ADDRESS[2]}",namespace="${ADDRESS[0]}"}`,
  );
});

describe('a plain JavaScript project of type module', () => {
  test('imports by name, and shares one copy with `require`', async () => {
    const report = JSON.parse(await node(['app.js'], esm)) as Record<string, unknown>;
    expect(report).toEqual({ types: Array(6).fill('function'), same: true, requests: 1 });
  });

  test('can not reach what is not exported', async () => {
    const deep = "import('profiled/dist/lib/index.js').catch((error) => process.stdout.write(error.code))";
    expect(await node(['-e', deep], esm)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe('profiled/register', () => {
  /** A program that knows nothing of this package and runs until its input ends. */
  const PROGRAM = "process.stdout.write(typeof Reflect.getMetadata + '\\n'); process.stdin.resume();";
  const SERVING = { DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_PORT: '0', DYN_SYSTEM_HOST: '127.0.0.1' };

  test.each(['--require', '--import'])('%s starts the server that the environment asks for', async (flag) => {
    const child = spawn(process.execPath, [flag, 'profiled/register', '-e', PROGRAM], {
      cwd: legacy,
      env: cleanEnvironment({ ...SERVING, DYN_LOG: 'info', DYN_LOGGING_JSONL: 'true' }),
      timeout: 20_000,
    });
    const ended = new Promise((settle) => child.on('close', settle));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    let address: string | undefined;
    for await (const line of createInterface({ input: child.stderr })) {
      address = /"address":"(http:[^"]+)"/.exec(line)?.[1];
      if (address) break;
    }
    const { status, body } = await ask(`${address}/metrics`);
    expect(status).toBe(200);
    expect(body).toMatch(/^uptime_seconds\{namespace="http_server"\} \d/m);
    child.stdin.end();
    expect(await ended).toBe(0);
    expect(output).toBe('function\n');
  });

  test('does nothing that anyone would notice when nothing is asked for', async () => {
    const program =
      'process.stdout.write(process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name)).join())';
    expect(await node(['--require', 'profiled/register', '-e', program], legacy)).toBe('');
  });
});
