import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { ProfiledError } from '../errors';
import { log } from '../internal/logger';
import type { ResolvedFileOptions } from './file-options';
import { ageOf, codeOf, createFile, removeFile, rootUnusable, sweepTemporaries } from './file-store';

/**
 * The files of this process. Their time of modification is the lease: it is renewed while the process lives, and any other
 * process may delete a file on which it is older than the time to live.
 */
export class FileLease {
  readonly #options: ResolvedFileOptions;
  /** What belongs into each file, by its name. */
  readonly #files = new Map<string, string>();
  /** Files that are being written or deleted. */
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #beat: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: ResolvedFileOptions) {
    this.#options = options;
  }

  /** Whether this process wrote the file and keeps it. */
  owns(name: string): boolean {
    return this.#files.has(name);
  }

  /**
   * Writes a file and keeps it. Resolves to a function that deletes it, which never rejects: a file that stays expires.
   * @throws PROFILED_TARGET_INVALID if another process keeps a file of that name, PROFILED_CONFIG_INVALID if it can't be written
   */
  async add(name: string, text: string): Promise<() => Promise<void>> {
    if (this.owns(name)) throw taken(name);
    // Before it is there: a slow file system must not make it look like another process' stale one.
    this.#files.set(name, text);
    await this.#track(this.#add(name, text));
    let removal: Promise<void> | undefined;
    return () => (removal ??= this.#track(this.#remove(name)));
  }

  /** Deletes all files. Nothing may be added any more. Never rejects. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await Promise.all([...this.#files.keys()].map((name) => this.#remove(name)));
  }

  #track(work: Promise<void>): Promise<void> {
    this.#underWay.add(work);
    return work.finally(() => this.#underWay.delete(work));
  }

  async #add(name: string, text: string): Promise<void> {
    try {
      await this.#create(name, text);
    } catch (error) {
      this.#files.delete(name);
      if (codeOf(error) === 'EEXIST') throw taken(name);
      throw rootUnusable(this.#options, error);
    }
    if (this.#timer) return;
    this.#timer = setInterval(() => void this.#touch(), this.#options.touchIntervalMs).unref();
    void sweepTemporaries(this.#options);
  }

  async #remove(name: string): Promise<void> {
    if (!this.#files.delete(name)) return;
    if (this.#files.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    // It might be writing this file again.
    await this.#beat;
    await removeFile(this.#pathOf(name)).catch((error: unknown) => {
      log.write('warn', { err: error }, 'the file of an instance can not be deleted; others see it until it expires');
    });
  }

  #pathOf(name: string): string {
    return join(this.#options.bucket, name);
  }

  /** What a dead process left under the same name is in nobody's way. */
  async #create(name: string, text: string): Promise<void> {
    try {
      await createFile(this.#options, name, text);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      const age = await ageOf(this.#pathOf(name));
      if (age !== undefined && age <= this.#options.ttlMs) throw error;
      await removeFile(this.#pathOf(name));
      await createFile(this.#options, name, text);
    }
  }

  /** Renews the lease. A round that is slower than the interval takes the place of the next. */
  #touch(): Promise<void> {
    return (this.#beat ??= this.#touchAll().finally(() => (this.#beat = undefined)));
  }

  async #touchAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const [name, text] of [...this.#files]) {
      if (!this.#files.has(name)) continue;
      try {
        await this.#renew(name, text);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0 && !this.#isFailing) {
      log.write('error', { err: failures[0] }, 'the lease of file discovery can not be renewed; trying again');
    }
    this.#isFailing = failures.length > 0;
  }

  async #renew(name: string, text: string): Promise<void> {
    const now = new Date();
    try {
      await utimes(this.#pathOf(name), now, now);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      await this.#create(name, text);
      log.write(
        'warn',
        { file: name },
        'the file of an instance had vanished and was written again; the event loop stood still for longer than the lease, or someone emptied the store',
      );
    }
  }
}

function taken(name: string): ProfiledError {
  return new ProfiledError('PROFILED_TARGET_INVALID', `the instance ${decodeURIComponent(name)} is already registered`);
}
