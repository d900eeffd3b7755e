import { ProfiledError } from '../../errors';
import { deferred } from '../../internal/deferred';

/** One request of a client, from `send` to its acknowledgement. */
export class Exchange {
  readonly #answer = deferred<Uint8Array>();
  readonly #signal: AbortSignal | undefined;
  #frame: readonly Uint8Array[] | undefined;
  #isOpen = true;
  /** Called when the caller gave it up, by whoever holds it then. */
  onAbandoned: (() => void) | undefined;

  constructor(frame: readonly Uint8Array[], signal: AbortSignal | undefined) {
    this.#frame = frame;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** @throws PROFILED_CANCELLED after an abort, else what {@link fail} was given */
  get answer(): Promise<Uint8Array> {
    return this.#answer.promise;
  }

  /** Whether somebody still waits for the answer. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The bytes to be written, once; they are not kept. */
  takeFrame(): readonly Uint8Array[] {
    const frame = this.#frame ?? [];
    this.#frame = undefined;
    return frame;
  }

  /** Both do nothing after an abort. */
  resolve(ack: Uint8Array): void {
    if (this.#settle()) this.#answer.resolve(ack);
  }

  fail(error: ProfiledError): void {
    if (this.#settle()) this.#answer.reject(error);
  }

  readonly #onAbort = (): void => {
    if (!this.#settle()) return;
    this.#answer.reject(cancelledError());
    this.onAbandoned?.();
  };

  #settle(): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    this.#frame = undefined;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}

export function cancelledError(): ProfiledError {
  return new ProfiledError('PROFILED_CANCELLED', 'the request was cancelled before its ack');
}
