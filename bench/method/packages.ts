import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const ROOT = join(__dirname, '..', '..', '..');
const manifest = (...path: string[]) =>
  JSON.parse(readFileSync(join(ROOT, ...path, 'package.json'), 'utf8')) as Manifest;

/** The version of our package. */
export function ownVersion(): string {
  return manifest().version;
}

/** The versions of all packages that a bench compares with, as they are installed. */
export function packageVersions(): Record<string, string> {
  const names = Object.keys(manifest('bench').dependencies ?? {});
  return Object.fromEntries(names.map((name) => [name, manifest('bench', 'node_modules', name).version]));
}
