import { now, unixNanos } from '../internal/clock';
import type { PlaneSeries } from '../metrics/plane-series';
import type { RequestHeaders } from '../transports/transport';
import { decodeSendTime, SEND_TIME_HEADER } from '../wire/send-time';

/**
 * One request as the request plane sees it, from its receipt until its response connection is closed; `Profile` is what its
 * handler sees. It is queued from its construction on; `begin` and `end` follow, once each.
 */
export class PlaneProfile {
  readonly #series: PlaneSeries;
  readonly #receivedNs = unixNanos();
  #isStamped = false;
  #begun = 0;

  constructor(series: PlaneSeries, headers: RequestHeaders) {
    this.#series = series;
    series.queued.value += 1;
    this.sentAt(decodeSendTime(headers[SEND_TIME_HEADER]));
  }

  /** The requester says when it sent the request. The first stamp counts; a clock of theirs that is ahead of ours makes it 0. */
  sentAt(sentNs: bigint | undefined): void {
    if (sentNs === undefined || this.#isStamped) return;
    this.#isStamped = true;
    this.#series.transit.observe(Math.max(0, Number(this.#receivedNs - sentNs) / 1e9));
  }

  /** The payload is looked at. */
  begin(): void {
    this.#begun = now();
    this.#series.queued.value -= 1;
    this.#series.active.value += 1;
  }

  /** The handler has returned its stream, and the requester is told so. */
  answered(): void {
    this.#series.firstResponse.observe(now() - this.#begun);
  }

  end(): void {
    this.#series.active.value -= 1;
  }
}
