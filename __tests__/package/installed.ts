import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '../..');

/** What goes into the package or is needed to build it. */
const TREE = ['lib', 'decorators', 'package.json', 'tsconfig.json', 'tsconfig.build.json', '.npmrc'];
const TEXTS = ['LICENSE', 'README.md', 'CHANGELOG.md'];

interface Manifest {
  readonly bin: Readonly<Record<'profiled', string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

export const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

/** The environment of a child: none of what configures this library, Node or Jest. */
export function cleanEnvironment(env: Record<string, string> = {}): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(DYN_|NATS_|NODE_OPTIONS|JEST_|npm_)/.test(name));
  return { ...Object.fromEntries(inherited), npm_config_update_notifier: 'false', ...env };
}

/** Runs a command to its end; rejects with all it wrote if it fails. Resolves to its stdout. */
export function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((settle, reject) => {
    const options = { cwd, env: cleanEnvironment(), maxBuffer: 64 * 2 ** 20, timeout: 60_000 };
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')} failed (${error.code})\n${stdout}\n${stderr}`));
      else settle(stdout);
    });
  });
}

/** Runs Node with `args` to its end. */
export function node(args: readonly string[], cwd: string): Promise<string> {
  return run(process.execPath, args, cwd);
}

/** The package as it would be published, and a place where it is installed. */
export interface Installed {
  readonly tarball: string;
  /** The paths in the tarball. */
  readonly files: readonly string[];
  /** A folder; whatever lies below it finds the package, and those that the package asks for, in `node_modules`. */
  readonly home: string;
}

/**
 * Packs a copy of the tree, so that the repository's own `dist` is neither read nor written, and unpacks the tarball. What it
 * depends on is linked from the repository: nothing is downloaded, and what package.json does not name, or calls optional, is not
 * found.
 */
export async function packAndInstall(): Promise<Installed> {
  const home = mkdtempSync(join(tmpdir(), 'profiled-package-'));
  const tree = join(home, 'tree');
  for (const name of [...TREE, ...TEXTS]) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  const report = await run('npm', ['pack', '--json', '--silent', '--pack-destination', home], tree);
  const [packed] = JSON.parse(report.slice(report.indexOf('['))) as [{ filename: string; files: { path: string }[] }];
  const tarball = join(home, packed.filename);

  const target = join(home, 'node_modules/profiled');
  mkdirSync(target, { recursive: true });
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', target], home);
  // What is optional is left out: the package has to do without.
  const needed = Object.keys({ ...MANIFEST.dependencies, ...MANIFEST.peerDependencies }).filter(
    (name) => !MANIFEST.peerDependenciesMeta[name]?.optional,
  );
  for (const name of [...needed, '@types/node']) {
    const link = join(home, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link);
  }
  return { tarball, home, files: packed.files.map(({ path }) => path) };
}

/** Writes a project of a user: files by their names. Objects become JSON. Returns its folder. */
export function project({ home }: Installed, name: string, files: Readonly<Record<string, string | object>>): string {
  const folder = join(home, name);
  mkdirSync(folder);
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}
