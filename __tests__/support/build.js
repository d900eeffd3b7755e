'use strict';

const { execFileSync } = require('node:child_process');
const { join } = require('node:path');

/** Builds `dist` once before all tests: those that start processes run what users would install. */
module.exports = function build() {
  const root = join(__dirname, '..', '..');
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
};
