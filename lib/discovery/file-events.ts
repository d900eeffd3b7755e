import { type FSWatcher, type Stats, watch } from 'node:fs';
import { log } from '../internal/logger';

/** `rename`: a file came or went. `change`: it was written to or touched. The name is absent where the system tells none. */
export type OnFileEvent = (kind: 'rename' | 'change', name: string | undefined) => void;

/**
 * The events of one directory, as far as the system tells them: none of what other machines do to a shared file system, none at
 * all where its supply of watches is used up. Whoever listens has to look for himself now and then.
 */
export class FileEvents {
  readonly #path: string;
  readonly #onEvent: OnFileEvent;
  #watcher: FSWatcher | undefined;
  #watched: string | undefined;
  #isFailing = false;

  constructor(path: string, onEvent: OnFileEvent) {
    this.#path = path;
    this.#onEvent = onEvent;
  }

  /** Watches the directory that is at the path now. A watch follows the directory, not the path, and tells nothing of its end. */
  open({ ino, birthtimeMs }: Stats): void {
    const identity = `${ino}:${birthtimeMs}`;
    if (this.#watcher && this.#watched === identity) return;
    this.close();
    try {
      this.#watcher = watch(this.#path, (kind, name) => this.#onEvent(kind, name ?? undefined));
      this.#watcher.on('error', (error) => this.#fail(error));
      this.#watched = identity;
      this.#isFailing = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #fail(error: unknown): void {
    this.close();
    if (this.#isFailing) return;
    this.#isFailing = true;
    log.write('warn', { err: error }, 'file discovery gets no events, so it sees changes only when it lists the store');
  }
}
