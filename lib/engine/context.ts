import { randomUUID } from 'node:crypto';

/**
 * Where whoever serves a request leaves a note for whoever runs it, so that a handler measured by its server is not measured a
 * second time by its decorator. Not part of the public surface.
 */
export const SERVED_BY: unique symbol = Symbol.for('profiled/served-by@1') as never;

/** What a requester can ask of a running request: `stop` = finish early, `kill` = drop everything now. */
export type ControlEvent = 'stop' | 'kill';

/** Settings of a new {@link Context}. */
export interface ContextOptions {
  /** Identity of the request, sent over the wire and shown in logs. @default a new UUID v4 */
  readonly id?: string;
  /** Text pairs that travel with the request. Copied. @default {} */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * One request on its way through a handler: the data, an identity, and the means to end it early.
 *
 * The requester stops it (`stopGenerating`, the handler should end in order) or kills it (`kill`, nobody reads what follows);
 * both abort `signal`. A handler reads `isStopped` between items, or hands `signal` to whatever it awaits.
 *
 * @example
 * async *generate(request: Context<string>) {
 *   for (const char of request.data) {
 *     if (request.isStopped) return;
 *     yield char;
 *   }
 * }
 */
export class Context<T> {
  /** What the requester sent. */
  readonly data: T;
  /** Identity of the request; the same on both sides of a wire. */
  readonly id: string;
  /** Text pairs that came with the request; empty when none did. */
  readonly metadata: Readonly<Record<string, string>>;

  [SERVED_BY]: object | undefined = undefined;

  #stopped = false;
  #killed = false;
  #controller: AbortController | undefined;
  #listeners: Set<(event: ControlEvent) => void> | undefined;

  constructor(data: T, options: ContextOptions = {}) {
    this.data = data;
    this.id = options.id ?? randomUUID();
    this.metadata = Object.freeze({ ...options.metadata });
  }

  /** Whether `value` is a context, of this or of another copy of the package. Never throws. */
  static is(value: unknown): value is Context<unknown> {
    try {
      return typeof value === 'object' && value !== null && SERVED_BY in value;
    } catch {
      return false; // a proxy that refuses to be asked
    }
  }

  /** True once the request was stopped or killed. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  /** True once the request was killed. A killed request is a stopped one too. */
  get isKilled(): boolean {
    return this.#killed;
  }

  /** Aborted when the request is stopped or killed. Made on first use: a handler that never asks pays nothing. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#stopped) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** Asks the handler to end in order. Repeating it does nothing. */
  stopGenerating(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#tell('stop');
  }

  /** Gives the request up: nothing that follows will be read. Repeating it does nothing. */
  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    this.#stopped = true;
    this.#tell('kill');
  }

  /**
   * Calls `listener` on the first stop and on the first kill from now on; the returned function ends that.
   * A transport uses it to pass both on; handlers need only `signal`.
   */
  onControl(listener: (event: ControlEvent) => void): () => void {
    (this.#listeners ??= new Set()).add(listener);
    return () => void this.#listeners?.delete(listener);
  }

  /** The data, and a context with the same identity and the same controls for what is derived from it. */
  intoParts(): [data: T, context: Context<undefined>] {
    const rest = new Context<undefined>(undefined, this);
    if (this.#killed) rest.kill();
    else if (this.#stopped) rest.stopGenerating();
    this.onControl((event) => (event === 'kill' ? rest.kill() : rest.stopGenerating()));
    rest.onControl((event) => (event === 'kill' ? this.kill() : this.stopGenerating()));
    return [this.data, rest];
  }

  #tell(event: ControlEvent): void {
    this.#controller?.abort();
    for (const listener of this.#listeners ?? []) listener(event);
  }
}

/** A request of one value: what `generate` is given when its handler is served. An alias of {@link Context}. */
export type SingleIn<T> = Context<T>;
