'use strict';

/** Gets ready what the wire bench runs: the package built, the peers installed, the bench compiled. */
const { execFileSync } = require('node:child_process');
const { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } = require('node:fs');
const { join } = require('node:path');

const HERE = __dirname;
const ROOT = join(HERE, '..', '..');
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '{}');
const run = (program, args, cwd = ROOT) => execFileSync(program, args, { cwd, stdio: ['ignore', 2, 2] });

/** Whether what npm noted of the last install is what the lock file asks for. */
function isInstalled() {
  const wanted = JSON.parse(read(join(HERE, 'package-lock.json'))).packages;
  const found = JSON.parse(read(join(HERE, 'node_modules', '.package-lock.json'))).packages ?? {};
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || found[path]?.version === version,
  );
}

function prepare() {
  if (!isInstalled()) run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], HERE);
  run('npm', ['run', '--silent', 'build']);
  // As users have it: by its name, from `dist`.
  const link = join(HERE, 'node_modules', 'profiled');
  if (!existsSync(link)) symlinkSync(ROOT, link, 'dir');
  rmSync(join(HERE, 'dist'), { recursive: true, force: true });
  mkdirSync(join(HERE, 'dist'));
  run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(HERE, 'tsconfig.json')]);
}

prepare();
