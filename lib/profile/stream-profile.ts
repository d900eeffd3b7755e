import { now, unixAt } from '../internal/clock';
import type { Cell } from '../metrics/instruments';
import type { StreamSeries } from '../metrics/stream-series';
import type { StreamOutcome } from './outcome';

/**
 * The times of one stream. It always waits for one of two: for its handler while an item is asked for and not there, and before the
 * stream was returned; else for its consumer. The two waits together are the request's duration.
 *
 * Two readings of the clock an item, one where the consumer asks without delay. Holds nothing that leads to the stream.
 */
export class StreamProfile {
  readonly #series: StreamSeries;
  /** Items that are asked for and not there. */
  #asked = 0;
  #hasItem = false;
  // Begun as doubles: a field that was undefined or whole before would get a new object with each time.
  /** When the last item was handed on, or the request arrived. */
  #lastAt = NaN;
  /** Up to when the waits are recorded. */
  #waitedUntil = NaN;

  /** The handler has returned its stream. `arrival` and all other times are readings of `now()`, in seconds. */
  constructor(series: StreamSeries, arrival: number) {
    this.#series = series;
    this.#lastAt = this.#waitedUntil = arrival;
    this.#wait(series.waits.handler, now());
  }

  /** An item is asked for, or the end. */
  ask(): void {
    if (this.#asked === 0) this.#wait(this.#series.waits.consumer, now());
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
    const { firstResponse, interResponse, items, lastProgress } = this.#series;
    (this.#hasItem ? interResponse : firstResponse).observe(at - this.#lastAt);
    this.#hasItem = true;
    this.#lastAt = at;
    items.value += 1;
    lastProgress.value = unixAt(at);
    this.#waitUntil(at);
    if (this.#asked > 0) this.#asked -= 1;
  }

  /** The handler has come to its end; what is left is up to the consumer. */
  finish(): void {
    this.#waitUntil(now());
    this.#asked = 0;
  }

  /** The request is over. */
  end(outcome: StreamOutcome, at: number): void {
    this.#waitUntil(at);
    this.#series.outcomes[outcome].value += 1;
    // Who asks from now on waits for nobody.
    this.#asked += 1;
  }

  #waitUntil(at: number): void {
    const { handler, consumer } = this.#series.waits;
    this.#wait(this.#asked > 0 ? handler : consumer, at);
  }

  #wait(cell: Cell, until: number): void {
    cell.value += until - this.#waitedUntil;
    this.#waitedUntil = until;
  }
}
