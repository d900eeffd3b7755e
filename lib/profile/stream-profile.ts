import { now, unixAt } from '../internal/clock';
import type { StreamSeries } from '../metrics/stream-series';
import type { Outcome } from './outcome';

/**
 * The times of one stream. It always waits for one of two: for its handler while an item is asked for and not there, and before the
 * stream was returned; else for its consumer. The two waits together are the request's duration.
 *
 * Two readings of the clock an item, one where the consumer asks without delay. Holds nothing that leads to the stream.
 */
export class StreamProfile {
  readonly #series: StreamSeries;
  readonly #arrival: number;
  /** Items that are asked for and not there. */
  #asked = 0;
  #hasItem = false;
  /** Up to when the waits are recorded. */
  #waitedUntil: number;
  #lastItemAt: number;

  /** The handler has returned its stream. `arrival` and all other times are readings of `now()`, in seconds. */
  constructor(series: StreamSeries, arrival: number) {
    this.#series = series;
    this.#arrival = arrival;
    this.#lastItemAt = this.#waitedUntil = now();
    series.waits.handler.value += this.#waitedUntil - arrival;
  }

  /** An item is asked for, or the end. */
  ask(): void {
    if (this.#asked === 0) this.#wait('consumer', now());
    this.#asked += 1;
  }

  /** More is asked for; for a stream that does not say how often. */
  askMore(): void {
    if (this.#asked === 0) this.ask();
  }

  /** The next item is asked for at the very time at which the last one was handed on. */
  askAtOnce(): void {
    this.#asked = 1;
  }

  /** An item is handed on. */
  item(): void {
    const at = now();
    const series = this.#series;
    if (this.#hasItem) series.interResponse.observe(at - this.#lastItemAt);
    else {
      this.#hasItem = true;
      series.firstResponse.observe(at - this.#arrival);
    }
    this.#lastItemAt = at;
    series.items.value += 1;
    series.lastProgress.value = unixAt(at);
    this.#wait(this.#asked > 0 ? 'handler' : 'consumer', at);
    if (this.#asked > 0) this.#asked -= 1;
  }

  /** The handler has come to its end; what is left is up to the consumer. */
  finish(): void {
    this.#wait('handler', now());
    this.#asked = 0;
  }

  /** The request is over. */
  end(outcome: Outcome, at: number): void {
    this.#wait(this.#asked > 0 ? 'handler' : 'consumer', at);
    this.#series.outcomes[outcome].value += 1;
    // Who asks from now on waits for nobody.
    this.#asked += 1;
  }

  #wait(side: 'handler' | 'consumer', until: number): void {
    this.#series.waits[side].value += until - this.#waitedUntil;
    this.#waitedUntil = until;
  }
}
