import { Annotated } from '../engine/annotated';
import type { Reply } from './reply';
import type { RunState } from './run-state';

/** Moves a handler's items into its reply, one at a time: the handler waits while the reply does. */
export class ResponsePump {
  readonly #state: RunState;
  readonly #reply: Reply;
  readonly #iterator: AsyncIterator<unknown>;

  constructor(state: RunState, reply: Reply, iterator: AsyncIterator<unknown>) {
    this.#state = state;
    this.#reply = reply;
    this.#iterator = iterator;
  }

  /**
   * Sends everything after the prologue up to the final marker, which is left out when an item could not be sent or a drain cut
   * the stream short. The iterator is closed on every path.
   */
  async run(): Promise<void> {
    const { stream } = this.#state.profile;
    stream?.ask();
    while (!this.#state.stop) {
      let step: IteratorResult<unknown>;
      try {
        step = await this.#iterator.next();
      } catch (error) {
        return this.#failMidway(error);
      }
      if (this.#state.isOver) return;
      if (step.done) return this.#complete();
      const published = this.#publish(step.value);
      // Not awaited where there was room: that would cost every item a turn of its own.
      const hadRoom = typeof published === 'boolean';
      if (!(hadRoom ? published : await published)) return closeIterator(this.#iterator);
      if (hadRoom) stream?.askAtOnce();
      else stream?.ask();
    }
    closeIterator(this.#iterator);
    if (this.#state.stop === 'consumer') await this.#complete();
  }

  /** Whether the next item may follow. */
  #publish(item: unknown): boolean | Promise<boolean> {
    let frame: Buffer;
    try {
      frame = this.#reply.encode(item);
      if (Annotated.isError(item)) this.#state.profile.fail('generate', (item as Annotated<unknown>).errorMessage);
    } catch (error) {
      this.#state.profile.fail('publish_response', error);
      return false;
    }
    const waiting = this.#reply.item(frame);
    return waiting ? this.#state.sent('publish_response', waiting) : true;
  }

  async #failMidway(error: unknown): Promise<void> {
    if (this.#state.isOver) return;
    this.#state.profile.fail('generate', error);
    // A handler that throws because it was stopped has been cut short, which is no news to its requester.
    if (this.#state.stop === 'drain') return;
    if (!this.#state.stop && !(await this.#state.sent('publish_response', this.#reply.errorItem(error)))) return;
    await this.#complete();
  }

  async #complete(): Promise<void> {
    this.#state.profile.stream?.finish();
    this.#state.isComplete = true;
    const leaving = this.#reply.final(this.#state.ending);
    // Without a turn in between where nothing waits: the requester may end the connection as soon as it has the sentinel.
    if (!leaving || (await this.#state.sent('publish_final', leaving))) this.#state.isOver = true;
  }
}

/** Lets a handler's iterator go. Not waited for, and what it throws is of no consequence any more. */
export function closeIterator(iterator: AsyncIterator<unknown> | undefined): void {
  try {
    void Promise.resolve(iterator?.return?.()).catch(() => {});
  } catch {
    // A hand-written iterator may throw where it should reject.
  }
}
