import { mkdir, readdir, stat } from 'node:fs/promises';
import { log } from '../internal/logger';
import type { Instance, InstanceChange } from './discovery';
import { FileEvents } from './file-events';
import type { ResolvedFileOptions } from './file-options';
import { TEMPORARY } from './file-record';
import { codeOf, rootUnusable } from './file-store';
import { FileTable } from './file-table';

/** Who follows the bucket. Files whose names do not begin with `prefix` are not even looked at. */
export interface BucketFollower {
  readonly prefix: string;
  tell(change: InstanceChange): void;
}

/**
 * What is registered, by this process and others. The bucket is listed at the start, and then every so often, because events get
 * lost and an owner's death makes none; in between, events tell which file to look at. One such job runs at a time.
 */
export class FileBucket {
  readonly #options: ResolvedFileOptions;
  /** With whether it has its snapshot, so that it is told of changes. */
  readonly #followers = new Map<BucketFollower, boolean>();
  readonly #table: FileTable;
  readonly #events: FileEvents;
  /** The files that events have named since the last job; undefined stands for any. */
  readonly #named = new Set<string | undefined>();
  #jobs: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;

  /** `owns` tells which files are this process' own. */
  constructor(options: ResolvedFileOptions, owns: (name: string) => boolean) {
    this.#options = options;
    this.#table = new FileTable(options, owns, (name, change) => this.#tell(name, change));
    this.#events = new FileEvents(options.bucket, (kind, name) => this.#onEvent(kind, name));
  }

  /**
   * Begins to follow, for which the bucket is made if it is not there. Resolves to the instances of all files of the prefix; what
   * changes after that is told. The process stays alive meanwhile.
   * @throws PROFILED_CONFIG_INVALID if the bucket can not be made or listed
   */
  async follow(follower: BucketFollower): Promise<Instance[]> {
    this.#followers.set(follower, false);
    try {
      await mkdir(this.#options.bucket, { recursive: true });
      await this.#enqueue(() => this.#list());
    } catch (error) {
      this.unfollow(follower);
      throw rootUnusable(this.#options, error);
    }
    if (this.#followers.has(follower)) this.#followers.set(follower, true);
    return this.#table.instances(follower.prefix);
  }

  /** The follower is told nothing more. */
  unfollow(follower: BucketFollower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    clearTimeout(this.#timer);
    this.#events.close();
    this.#table.clear();
  }

  /** Lets all followers go. Resolves when no file is being looked at any more. */
  async close(): Promise<void> {
    for (const follower of this.#followers.keys()) this.unfollow(follower);
    await this.#jobs;
  }

  #enqueue(job: () => Promise<void>): Promise<void> {
    const run = this.#jobs.then(job);
    this.#jobs = run.catch(() => {});
    return run;
  }

  #onEvent(kind: 'rename' | 'change', name: string | undefined): void {
    if (name !== undefined) {
      const isTouch = kind === 'change' && this.#table.isSettled(name);
      if (isTouch || !this.#isFollowed(name)) return;
    }
    this.#named.add(name);
    if (this.#named.size === 1) void this.#enqueue(() => this.#lookAtNamed());
  }

  #isFollowed(name: string): boolean {
    if (name.startsWith(TEMPORARY)) return false;
    for (const { prefix } of this.#followers.keys()) if (name.startsWith(prefix)) return true;
    return false;
  }

  async #lookAtNamed(): Promise<void> {
    const names = [...this.#named];
    this.#named.clear();
    if (names.includes(undefined)) await this.#listAgain();
    else await this.#table.reread(names as string[]);
  }

  async #listAgain(): Promise<void> {
    try {
      await this.#list();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        log.write('error', { err: error }, 'the store of file discovery can not be listed; trying again');
      }
      this.#isFailing = true;
      this.#setTimer(Infinity);
    }
  }

  async #list(): Promise<void> {
    const names = await this.#names();
    await this.#table.update(names.filter((name) => this.#isFollowed(name)));
    this.#setTimer(this.#table.nextExpiry() + 1);
  }

  /** What is in the bucket. Events are on before it is read, so that nothing falls in between. */
  async #names(): Promise<string[]> {
    const { bucket } = this.#options;
    try {
      const stats = await stat(bucket);
      if (this.#followers.size > 0) this.#events.open(stats);
      return await readdir(bucket);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  #tell(name: string, change: InstanceChange): void {
    for (const [follower, isReady] of this.#followers) {
      if (isReady && name.startsWith(follower.prefix)) follower.tell(change);
    }
  }

  /** Lists again after the interval, or at `expiry`, a time of the wall clock in milliseconds, if that is sooner. */
  #setTimer(expiry: number): void {
    clearTimeout(this.#timer);
    if (this.#followers.size === 0) return;
    const delay = Math.min(this.#options.listIntervalMs, Math.max(1, Math.ceil(expiry - Date.now())));
    this.#timer = setTimeout(() => void this.#enqueue(() => this.#listAgain()), delay);
  }
}
