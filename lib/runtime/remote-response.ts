import { Annotated, type AnnotatedFields } from '../engine/annotated';
import type { Context } from '../engine/context';
import { messageOf } from '../errors';
import type { ResponseReceiver } from '../transports/transport';
import { FIN_TIMEOUT_MS } from '../wire/limits';
import { decodeFrame } from '../wire/item-frame';
import { cancelled } from './call-guard';

/** What upstream says of a stream without a final marker; components there look for exactly this text. */
export const INCOMPLETE_STREAM = 'Stream ended before generation completed';

/** One answer of a remote response's iterator. */
export type Step<U> = IteratorResult<Annotated<U>, undefined>;

/**
 * One remote response as its requester reads it. It ends after the final marker. One that breaks off, or is no valid one, gives an
 * error item and ends; one that was stopped or killed by its context just ends.
 */
export class RemoteResponse<U> {
  readonly #receiver: ResponseReceiver;
  readonly #context: Context<unknown>;
  readonly #signal: AbortSignal | undefined;
  readonly #forget: () => void;
  /** Two `next` at a time are answered one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** A frame that was received and is no item. */
  #held: Uint8Array | undefined;
  #isOver = false;
  #hasFinal = false;
  #isAborted = false;

  constructor(
    receiver: ResponseReceiver,
    context: Context<unknown>,
    signal: AbortSignal | undefined,
    private readonly onBroken: () => void,
  ) {
    this.#receiver = receiver;
    this.#context = context;
    this.#signal = signal;
    this.#forget = context.onControl((event) => (event === 'kill' ? this.kill() : receiver.control('stop')));
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
    else if (context.isKilled) this.kill();
    else if (context.isStopped) receiver.control('stop');
  }

  /** The item that {@link next} would resolve to, if it is here already; undefined in every other case. */
  itemNow(): Annotated<U> | undefined {
    if (this.#waiting > 0 || this.#isOver || this.#hasFinal) return undefined;
    this.#held ??= this.#receiver.receiveNow?.();
    const item = this.#held && itemIn(this.#held);
    if (item === undefined) return undefined;
    this.#held = undefined;
    return annotated(item);
  }

  next(): Promise<Step<U>> {
    this.#waiting += 1;
    const step = this.#last.then(() => this.#step());
    this.#last = step.catch(() => {});
    return step;
  }

  /** Gives up what is not read yet; the worker hears of it unless it has sent everything. Idempotent. */
  kill(): void {
    if (this.#isOver) return;
    if (!this.#hasFinal) this.#receiver.control('kill');
    this.#close();
  }

  async #step(): Promise<Step<U>> {
    const item = this.#isOver ? undefined : await this.#read();
    this.#waiting -= 1;
    if (item) return { done: false, value: item };
    if (!this.#isOver) this.#close();
    if (!this.#isAborted) return { done: true, value: undefined };
    // Thrown once, as a generator would.
    this.#isAborted = false;
    throw cancelled(this.#signal?.reason);
  }

  /** The next item; undefined at the end, which is in order or has been told of. */
  async #read(): Promise<Annotated<U> | undefined> {
    try {
      const bytes = await this.#receive();
      const frame = bytes && decodeFrame(bytes);
      if (frame?.kind === 'item' && !this.#hasFinal) return annotated<U>(frame.item);
      if (frame?.kind === 'item') return this.#broken('the worker sent an item after the end of its stream', 'Unknown');
      if (frame?.kind !== 'final') return this.#hasFinal ? undefined : this.#cut();
      this.#hasFinal = true;
      return await this.#read();
    } catch (error) {
      return this.#broken(messageOf(error), 'Unknown');
    }
  }

  /** After the final marker only the sentinel is due, and it is not waited for without end. */
  async #receive(): Promise<Uint8Array | undefined> {
    const held = this.#held;
    this.#held = undefined;
    if (held) return held;
    if (!this.#hasFinal) return this.#receiver.receive();
    const timer = setTimeout(() => this.#receiver.close(), FIN_TIMEOUT_MS);
    try {
      return await this.#receiver.receive();
    } finally {
      clearTimeout(timer);
    }
  }

  #cut(): Annotated<U> | undefined {
    if (this.#isOver || this.#context.isStopped) return undefined;
    return this.#broken(INCOMPLETE_STREAM, 'Disconnected');
  }

  #broken(message: string, type: string): Annotated<U> | undefined {
    if (this.#isOver) return undefined;
    this.onBroken();
    this.kill();
    return new Annotated<U>({ event: 'error', comment: [message], error: { error_type: type, message } });
  }

  readonly #onAbort = (): void => {
    this.#isAborted = !this.#isOver;
    this.kill();
  };

  #close(): void {
    this.#isOver = true;
    this.#forget();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#receiver.close();
  }
}

/** The item in a frame; undefined for a frame that is none, or that can not be read. */
function itemIn(bytes: Uint8Array): unknown {
  try {
    const frame = decodeFrame(bytes);
    return frame.kind === 'item' ? frame.item : undefined;
  } catch {
    // Who reads it once more tells of it.
    return undefined;
  }
}

/** An item as upstream sends it. A worker that wraps nothing sends its data bare. */
function annotated<U>(item: unknown): Annotated<U> {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return new Annotated<U>({ data: item as U });
  const { data, id, event, comment, error } = item as AnnotatedFields<U>;
  return new Annotated<U>({
    data,
    id: id ?? undefined,
    event: event ?? undefined,
    comment: comment ?? undefined,
    error: error ?? undefined,
  });
}
