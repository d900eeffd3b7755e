import { now } from '../internal/clock';
import type { Binding } from './binding';
import type { LabelValues } from '../metrics/labels';
import type { Place } from './admission/place';
import type { StreamOutcome } from './outcome';
import type { StreamProfile } from './stream-profile';

/**
 * What is left of a request whose stream is collected before it ended: enough to settle it, and nothing that leads back to the
 * request or its handler, since those may hold the stream, which could then never be collected.
 */
export class Remains {
  itemCount = 0;
  outcome: StreamOutcome | undefined;
  /** The request has been settled after all, by other means than its stream. */
  isSettled = false;
  stream: StreamProfile | undefined;
  readonly #binding: Binding;
  readonly #start: number;
  readonly #place: Place | undefined;
  readonly #trace: LabelValues | undefined;

  constructor(binding: Binding, start: number, place: Place | undefined, trace: LabelValues | undefined) {
    this.#binding = binding;
    this.#start = start;
    this.#place = place;
    this.#trace = trace;
  }

  /** Ends the request as abandoned, or as what it was already found to be. */
  settle(): void {
    if (this.isSettled) return;
    const { series, onEnd } = this.#binding;
    const at = now();
    const durationSeconds = at - this.#start;
    const outcome = (this.outcome ??= 'abandoned');
    this.#place?.release();
    series.inflight.value -= 1;
    series.duration.observe(durationSeconds, this.#trace);
    this.stream?.end(outcome, at);
    if (!onEnd) return;
    const { itemCount } = this;
    const event = { request: undefined, item: undefined, error: undefined, handler: undefined };
    for (const metric of onEnd) metric.record({ ...event, outcome, durationSeconds, itemCount });
  }
}
