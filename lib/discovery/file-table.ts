import { join } from 'node:path';
import type { Instance, InstanceChange } from './discovery';
import { type FileEntry, readEntry } from './file-entry';
import type { ResolvedFileOptions } from './file-options';
import { isSameInstance } from './file-record';
import { removeFile } from './file-store';

/** How many files are read at once. */
const READERS = 16;

/** What the files of the bucket said when they were last looked at, and the differences to the time before. */
export class FileTable {
  readonly #options: ResolvedFileOptions;
  readonly #owns: (name: string) => boolean;
  readonly #tell: (name: string, change: InstanceChange) => void;
  readonly #entries = new Map<string, FileEntry>();

  /** `owns` tells which files are this process' own: it is alive, so they do not expire here, however late they are touched. */
  constructor(
    options: ResolvedFileOptions,
    owns: (name: string) => boolean,
    tell: (name: string, change: InstanceChange) => void,
  ) {
    this.#options = options;
    this.#owns = owns;
    this.#tell = tell;
  }

  /** Whether the file is known and holds nothing that could be read better the next time. */
  isSettled(name: string): boolean {
    const entry = this.#entries.get(name);
    return entry !== undefined && !entry.problem;
  }

  /** The instances of the files whose names begin with `prefix`. */
  instances(prefix: string): Instance[] {
    return [...this.#entries].flatMap(([name, { instance }]) => (name.startsWith(prefix) ? (instance ?? []) : []));
  }

  /** When the first owner is dead unless it touches its file, in milliseconds of the wall clock. */
  nextExpiry(): number {
    let next = Infinity;
    for (const [name, { touchedAt }] of this.#entries) {
      if (!this.#owns(name)) next = Math.min(next, touchedAt + this.#options.ttlMs);
    }
    return next;
  }

  /** Takes `names` for all there are. Files that are known and still the same are not read. */
  async update(names: readonly string[]): Promise<void> {
    const gone = new Set(this.#entries.keys());
    for (const name of names) gone.delete(name);
    for (const name of gone) this.#replace(name, undefined);
    await this.#each(names, (name) => this.#entries.get(name));
  }

  /** Reads some files anew, even if they look the same: those of one size can follow each other on one inode. */
  async reread(names: readonly string[]): Promise<void> {
    await this.#each(names, (name) => (this.isSettled(name) ? undefined : this.#entries.get(name)));
  }

  clear(): void {
    this.#entries.clear();
  }

  async #each(names: readonly string[], before: (name: string) => FileEntry | undefined): Promise<void> {
    const queue = names.values();
    const reader = async () => {
      for (const name of queue) await this.#look(name, before(name));
    };
    await Promise.all(Array.from({ length: READERS }, reader));
  }

  async #look(name: string, before: FileEntry | undefined): Promise<void> {
    const path = join(this.#options.bucket, name);
    const entry = await readEntry(path, name, before);
    const isExpired = entry && !this.#owns(name) && Date.now() - entry.touchedAt > this.#options.ttlMs;
    this.#replace(name, isExpired ? undefined : entry);
    // As upstream does. Where it is not allowed, someone else will, and until then the file is passed over.
    if (isExpired) await removeFile(path).catch(() => {});
  }

  #replace(name: string, entry: FileEntry | undefined): void {
    const was = this.#entries.get(name)?.instance;
    const is = entry?.instance;
    if (entry) this.#entries.set(name, entry);
    else this.#entries.delete(name);
    if (is && !(was && isSameInstance(was, is))) this.#tell(name, { type: 'put', instance: is });
    else if (was && !is) this.#tell(name, { type: 'delete', instance: was });
  }
}
