import type { Stats } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { messageOf } from '../errors';
import { log } from '../internal/logger';
import type { Instance } from './discovery';
import { decodeRecord } from './file-record';
import { codeOf } from './file-store';

/** One file of the bucket as it was last seen. */
export interface FileEntry {
  /** What it tells of; undefined where it can't be read (yet), or holds what is not for us. */
  readonly instance: Instance | undefined;
  /** Tells one content from another without reading it. A touch leaves it as it is. */
  readonly stamp: string;
  /** When it was last touched, in milliseconds of the wall clock. */
  readonly touchedAt: number;
  readonly problem?: FileProblem | undefined;
}

/** Why a file could not be read. It may be better the next time: releases before 0.9 wrote their records in place. */
interface FileProblem {
  readonly reason: string;
  readonly since: number;
  readonly isLogged: boolean;
}

/** A problem that is there for so long, in milliseconds, is no writer at work. */
const PATIENCE_MS = 1_000;

/**
 * The file as it is now, read only if it is another than `before`, or if that had a problem. Undefined if it is not there.
 * Never rejects.
 */
export async function readEntry(path: string, name: string, before?: FileEntry): Promise<FileEntry | undefined> {
  let seen = { stamp: '', touchedAt: Date.now() };
  try {
    const stats = await lstat(path);
    seen = { stamp: stampOf(stats), touchedAt: stats.mtimeMs };
    if (before && !before.problem && before.stamp === seen.stamp) return { ...before, ...seen };
    return { ...seen, instance: decodeRecord(name, stats.isFile() ? await readFile(path, 'utf8') : '') };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    return { ...seen, instance: undefined, problem: note(name, messageOf(error), before?.problem) };
  }
}

/** The problem of a file, logged once if it stays. */
function note(name: string, reason: string, before: FileProblem | undefined): FileProblem {
  const { since, isLogged } = before ?? { since: Date.now(), isLogged: false };
  const isDue = !isLogged && Date.now() - since >= PATIENCE_MS;
  if (isDue)
    log.write('warn', { file: name, reason }, 'a file in the store of file discovery is no record of an instance');
  return { reason, since, isLogged: isLogged || isDue };
}

function stampOf({ ino, size, birthtimeMs }: Stats): string {
  return `${ino}:${size}:${birthtimeMs}`;
}
