'use strict';

/**
 * Makes a Python environment for each release that the suite meets: before the suite, or by hand with
 * `node __tests__/interop/setup.js`. One that is there is used as it is. Where Python or the package can not be had, the suite
 * is skipped, in one line; in CI (`CI` is set) that is a failure.
 */
const { execFileSync } = require('node:child_process');
const { existsSync, mkdirSync, rmSync } = require('node:fs');
const { dirname } = require('node:path');
const { VERSIONS, folderOf, pythonOf } = require('./versions');

const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

const works = (python) => {
  try {
    run(python, '-c', 'import uvloop, dynamo.runtime');
    return true;
  } catch {
    return false;
  }
};

function install(version) {
  const folder = folderOf(version);
  if (existsSync(folder) && works(pythonOf(version))) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  run(process.env.PROFILED_INTEROP_PYTHON ?? 'python3', '-m', 'venv', folder);
  run(pythonOf(version), '-m', 'pip', 'install', '--quiet', `ai-dynamo-runtime==${version}`, 'uvloop');
}

module.exports = async function setup() {
  for (const version of VERSIONS) {
    try {
      install(version);
    } catch (error) {
      rmSync(folderOf(version), { recursive: true, force: true });
      const reason = String(error.stderr || error.message)
        .trim()
        .split('\n')
        .pop();
      const what = `interop with ai-dynamo-runtime ${version}`;
      if (process.env.CI) throw new Error(`${what} can not be tested: ${reason}`, { cause: error });
      console.warn(`${what} is skipped: ${reason}`);
    }
  }
};

if (require.main === module) void module.exports();
