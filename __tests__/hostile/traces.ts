import { existsSync, readdirSync } from 'node:fs';
import { collectGarbage, eventually } from '../support/eventually';

const FILES = '/proc/self/fd';

/** Open files and sockets of this process, those that do not keep it alive too. Always 0 where the system does not tell. */
export function openFiles(): number {
  return existsSync(FILES) ? readdirSync(FILES).length : 0;
}

/** What objects and buffers take after a collection, in MiB. */
export function heldMiB(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

type Timer = NodeJS.Timeout & { readonly _destroyed: boolean };

/** Notes every timer that is set from `begin` on, those that do not keep the process alive too, and every file that is opened. */
export class Traces implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #timers = new Set<Timer>();
  readonly #files = openFiles();

  constructor() {
    const set: unknown = (...args: Parameters<typeof setTimeout>) => {
      const timer = this.#setTimeout(...args) as Timer;
      this.#timers.add(timer);
      return timer;
    };
    globalThis.setTimeout = set as typeof setTimeout;
  }

  /** Timers that have neither fired nor been cleared. */
  get timers(): number {
    this.#forgetTimersThatAreOver();
    return this.#timers.size;
  }

  /** Files that were not open at the begin. */
  get files(): number {
    return openFiles() - this.#files;
  }

  /**
   * `heldMiB` once the last turns have let go of what they held, such as sockets on their way to be closed, and without the timers
   * that are over: each carries a property for every `AsyncLocalStorage` of the process, kilobytes where many suites share one.
   */
  async restingMiB(): Promise<number> {
    // Each look collects twice over: objects that hold something of the system are let go of a turn after they are found.
    collectGarbage();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.#forgetTimersThatAreOver();
    return heldMiB();
  }

  /** Waits until everything is as it was. */
  async areGone(): Promise<void> {
    try {
      await eventually('no file, socket or timer is left', () => this.timers === 0 && this.files <= 0);
    } catch (error) {
      throw new Error(`left: ${this.timers} timers, ${this.files} files`, { cause: error });
    }
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }

  #forgetTimersThatAreOver(): void {
    for (const timer of this.#timers) if (timer._destroyed) this.#timers.delete(timer);
  }
}
