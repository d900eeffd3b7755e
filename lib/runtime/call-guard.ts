import type { Context } from '../engine/context';
import { ProfiledError } from '../errors';

/**
 * What can end a call before its stream has begun: the caller's signal and context, or a time limit.
 * The first reason wins and aborts {@link signal}, whose `reason` is the error that the call rejects with.
 */
export class CallGuard {
  readonly #controller = new AbortController();
  readonly #releases: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(context: Context<unknown>, signal: AbortSignal | undefined) {
    const cancel = () => this.abort(cancelled(signal?.reason));
    this.#releases.push(context.onControl(cancel));
    signal?.addEventListener('abort', cancel, { once: true });
    this.#releases.push(() => signal?.removeEventListener('abort', cancel));
    if (context.isStopped || signal?.aborted) cancel();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: ProfiledError): void {
    this.#controller.abort(reason);
  }

  /** Calls `listener` on the abort, at once if that is past. */
  onAbort(listener: (reason: unknown) => void): void {
    const { signal } = this.#controller;
    if (signal.aborted) return listener(signal.reason);
    const abort = () => listener(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#releases.push(() => signal.removeEventListener('abort', abort));
  }

  /** Runs one stage under its time limit. @throws the reason of the abort if there was one, whatever the stage threw */
  async stage<T>(name: string, limitMs: number | undefined, run: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    if (limitMs !== undefined) {
      const late = () =>
        this.abort(new ProfiledError('PROFILED_TIMEOUT', `no ${name} from the worker after ${limitMs} ms`));
      this.#timer = setTimeout(late, limitMs);
    }
    try {
      return await run();
    } catch (error) {
      this.signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Lets go of timer and listeners. */
  release(): void {
    clearTimeout(this.#timer);
    for (const release of this.#releases) release();
  }
}

/** The error of a call whose caller gave it up. */
export function cancelled(cause: unknown): ProfiledError {
  return new ProfiledError('PROFILED_CANCELLED', 'the request was cancelled by its caller', { cause });
}
