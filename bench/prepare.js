'use strict';

/** Gets ready what a bench runs: the package built, the peers installed, the bench compiled. `node bench/prepare.js [folder]` */
const { execFileSync } = require('node:child_process');
const { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } = require('node:fs');
const { join } = require('node:path');

const HERE = join(__dirname, process.argv[2] ?? '.');
const ROOT = join(__dirname, '..');
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
