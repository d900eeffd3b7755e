import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, readdir, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, ProfiledError } from '../errors';
import type { ResolvedFileOptions } from './file-options';
import { TEMPORARY } from './file-record';

/** What file systems without hard links answer. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** The code of a failure of the file system, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/**
 * Puts a complete file into the bucket, which is made if it is not there.
 *
 * It is written below the root, outside of the bucket, and linked to its name: to a watcher it comes into being whole, and what
 * is there already stays. All releases since 0.7 see that at once (dynamo-protocol.md 5.3), which is not so of a rename.
 * @throws the error of the file system, with code EEXIST if the name is taken
 */
export async function createFile({ root, bucket }: ResolvedFileOptions, name: string, text: string): Promise<void> {
  await mkdir(bucket, { recursive: true });
  const temporary = join(root, TEMPORARY + randomBytes(8).toString('hex'));
  const path = join(bucket, name);
  try {
    await writeFile(temporary, text, { flag: 'wx' });
    await link(temporary, path);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error) ?? '')) throw error;
    if (await exists(path)) throw Object.assign(new Error(`EEXIST: ${path}`, { cause: error }), { code: 'EEXIST' });
    await rename(temporary, path);
  } finally {
    await removeFile(temporary);
  }
}

/** Removes a file. One that is not there is no failure. @throws the error of the file system */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** How long ago a file was touched, in milliseconds of the wall clock; undefined if it is not there. */
export async function ageOf(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await lstat(path)).mtimeMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes temporary files that a process left behind when it was killed while it wrote them. Never rejects. */
export async function sweepTemporaries({ root, ttlMs }: ResolvedFileOptions): Promise<void> {
  const names = await readdir(root).catch(() => []);
  const sweeps = names
    .filter((name) => name.startsWith(TEMPORARY))
    .map(async (name) => {
      const age = await ageOf(join(root, name));
      if (age !== undefined && age > ttlMs) await removeFile(join(root, name));
    });
  await Promise.allSettled(sweeps);
}

/** The error for a root that can't be used, in words that tell where it comes from. */
export function rootUnusable({ root }: ResolvedFileOptions, cause: unknown): ProfiledError {
  return new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    `the root of file discovery, ${root}, can not be used: ${messageOf(cause)}; it has to be a directory, or a path where one can ` +
      'be made, that this process may write to',
    { cause },
  );
}

async function exists(path: string): Promise<boolean> {
  return (await ageOf(path)) !== undefined;
}
