import type { Annotated } from '../engine/annotated';
import type { RemoteResponse, Step } from './remote-response';

/** Kills what nobody can read any more: its worker would wait for room in the buffer for ever. */
const dropped = new FinalizationRegistry<RemoteResponse<unknown>>((response) => response.kill());

/**
 * The items of one remote response. Leaving them early kills the request, and so does dropping them unread, once they are
 * collected. So the response may not know of this object: its context, its signal and its connection all hold the response.
 */
export class RemoteItems<U> implements AsyncIterableIterator<Annotated<U>, undefined> {
  readonly #response: RemoteResponse<U>;

  constructor(response: RemoteResponse<U>) {
    this.#response = response;
    dropped.register(this, response, this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step<U>> {
    const item = this.#response.itemNow();
    return item ? Promise.resolve({ done: false, value: item }) : this.#wait();
  }

  async return(): Promise<Step<U>> {
    dropped.unregister(this);
    this.#response.kill();
    return { done: true, value: undefined };
  }

  async #wait(): Promise<Step<U>> {
    const step = await this.#response.next();
    // Whoever waits for an item may hold nothing but its promise: `this` is used after the wait, so that it lives until then.
    if (step.done) dropped.unregister(this);
    return step;
  }
}
