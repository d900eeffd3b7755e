import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What this test file has been told is missing. */
const missing = new Set<string>();

/**
 * `describe` for tests that ask a tool of the Debian package `prometheus`. A developer's machine may do without: the tests are then
 * skipped, with one line. Where CI is set they run, and its absence fails them.
 */
export function describeWith(tool: 'prometheus' | 'promtool'): jest.Describe {
  if (spawnSync(tool, ['--version']).status === 0 || process.env.CI) return describe;
  if (!missing.has(tool))
    process.stderr.write(`${tool} is not installed: its tests are skipped (Debian: apt-get install prometheus)\n`);
  missing.add(tool);
  return describe.skip;
}

/** Runs promtool; what it writes comes back line by line. */
export function promtool(args: readonly string[], input = '', cwd?: string) {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8', cwd });
  if (error) throw error;
  return { status, complaints: `${stdout}${stderr}`.split('\n').filter((line) => line !== '') };
}

/** Runs promtool in a folder of its own, in which `files` are, texts as they are and objects as JSON, which is YAML. */
export function promtoolWith(files: Readonly<Record<string, string | object>>, ...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'profiled-promtool-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return promtool(args, '', folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
