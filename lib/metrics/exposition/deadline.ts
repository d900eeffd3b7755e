/** What {@link Deadline.race} gives for a promise that came too late. */
export const TIMED_OUT = Symbol('timed out');

/** One time limit for many promises: a single timer that does not keep the process alive. */
export class Deadline {
  readonly #passed: Promise<typeof TIMED_OUT>;
  readonly #timer: NodeJS.Timeout;

  constructor(timeoutMs: number) {
    let pass!: (value: typeof TIMED_OUT) => void;
    this.#passed = new Promise((resolve) => (pass = resolve));
    this.#timer = setTimeout(pass, timeoutMs, TIMED_OUT);
    this.#timer.unref();
  }

  /** Settles as `promise` does, or resolves to {@link TIMED_OUT} if the limit passes first. */
  race<T>(promise: Promise<T>): Promise<T | typeof TIMED_OUT> {
    return Promise.race([promise, this.#passed]);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
