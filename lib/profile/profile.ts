import { randomUUID } from 'node:crypto';
import { Annotated } from '../engine/annotated';
import { Context } from '../engine/context';
import { type ErrorType, messageOf } from '../errors';
import { now } from '../internal/clock';
import { log } from '../internal/logger';
import type { LabelValues } from '../metrics/labels';
import type { Limit } from './admission/enter';
import type { Place } from './admission/place';
import type { Binding } from './binding';
import { isAborted, requestOf } from './call-arguments';
import { type CustomMetric, recordArrival } from './custom-metric';
import type { Outcome, StreamOutcome } from './outcome';
import { Remains } from './remains';
import { measured } from './sizes';
import { StreamProfile } from './stream-profile';
import { activeTrace, traceOfHeader } from './trace';

/**
 * One request from arrival to end: counted and in flight from its construction, settled exactly once whichever way it ends.
 * The ingress and in-process calls use the same one. No method throws.
 */
export class Profile {
  readonly #binding: Binding;
  readonly #handler: unknown;
  readonly #start: number;
  #id: string | undefined;
  #args: readonly unknown[] | undefined;
  #itemCount = 0;
  #outcome: Outcome | undefined;
  #errorType: ErrorType | undefined;
  #error: unknown;
  #settled = false;
  #seconds = 0;
  #remains: Remains | undefined;
  #stream: StreamProfile | undefined;
  #place: Place | undefined;
  /** Of which trace it is a part; the labels of its exemplars. */
  readonly #trace: LabelValues | undefined;

  private constructor(binding: Binding, handler: unknown, start: number, trace: LabelValues | undefined) {
    this.#binding = binding;
    this.#handler = handler;
    this.#start = start;
    this.#trace = trace;
  }

  /**
   * A request arrives: it is counted, and its clock starts. `handler` is undefined while it is no call; `traceparent` is the header of
   * that name, for where no span is active.
   */
  static begin(binding: Binding, handler: unknown, traceparent?: string): Profile {
    const trace = binding.traced ? (activeTrace() ?? traceOfHeader(traceparent)) : undefined;
    const profile = new Profile(binding, handler, now(), trace);
    binding.series.requests.value += 1;
    binding.series.inflight.value += 1;
    return profile;
  }

  /** `handler` is called with `args`: counts the request, measures the request value and starts the clock. */
  static call(binding: Binding, handler: unknown, args: readonly unknown[]): Profile {
    const profile = Profile.begin(binding, handler);
    profile.arrive(args);
    return profile;
  }

  /** The request is a call with `args` whose arrival, at `start`, has been recorded without a profile. */
  static resume(binding: Binding, handler: unknown, args: readonly unknown[], start: number): Profile {
    const profile = new Profile(binding, handler, start, undefined);
    profile.#args = args;
    return profile;
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  /** What bounds how many calls of the handler run at once; undefined if nothing does. */
  get limit(): Limit | undefined {
    return this.#binding.limit;
  }

  /** The times of the stream that is the answer; undefined while there is none, and where they are not recorded. */
  get stream(): StreamProfile | undefined {
    return this.#stream;
  }

  /** The handler has returned a stream, which is the answer. Call once, before the stream is handed out. */
  beginStream(): void {
    const { streams } = this.#binding;
    if (streams && !this.#settled) this.#stream = new StreamProfile(streams(), this.#start);
    if (this.#remains) this.#remains.stream = this.#stream;
  }

  /** How long the request took, once it is settled. */
  get seconds(): number {
    return this.#seconds;
  }

  /** The `error_type` and the reason of a failure; undefined if there was none. */
  get failure(): string | undefined {
    return this.#errorType && `${this.#errorType}: ${messageOf(this.#error)}`;
  }

  /** Takes the arguments of an in-process call: measures the request value and records what is recorded on arrival. */
  arrive(args: readonly unknown[]): void {
    this.#args = args;
    this.requestBytes(measured(this.#binding, this.#request));
    this.received();
    if (this.#binding.onRequest) recordArrival(this.#binding.onRequest, this.#request, this.#handler);
  }

  /** Says in the log that the request is here, under the id that it brought, if any. */
  received(id?: string): void {
    this.#id = id;
    if (!log.debugEnabled || !this.#binding.standard) return;
    log.write('debug', { endpoint: this.#binding.name, id: this.#requestId }, 'request received');
  }

  /** Adds `bytes` to `request_bytes_total`. */
  requestBytes(bytes: number): void {
    this.#binding.series.requestBytes.value += bytes;
  }

  /** Counts one response item of `bytes` bytes. */
  item(bytes: number): void {
    this.#itemCount += 1;
    if (this.#remains) this.#remains.itemCount = this.#itemCount;
    this.#binding.series.responseBytes.value += bytes;
    if (this.#stream) this.#stream.item();
  }

  /** Adds bytes that belong to no item, such as a final marker. */
  responseBytes(bytes: number): void {
    this.#binding.series.responseBytes.value += bytes;
  }

  /** An item on its way to an in-process consumer: measured, counted, and looked at for an error. */
  observe(item: unknown): void {
    if (this.#settled) return;
    this.item(measured(this.#binding, item));
    if (typeof item === 'object' && Annotated.isError(item)) this.#fault(item);
    if (this.#binding.onItem) this.#record(this.#binding.onItem, item);
  }

  /** The request has a place at the door of its handler, to be released when it is over. */
  holds(place: Place): void {
    this.#place = place;
  }

  /** It waits for its handler, and is not in flight until {@link resume}. */
  pause(): void {
    this.#binding.series.inflight.value -= 1;
  }

  resume(): void {
    this.#binding.series.inflight.value += 1;
  }

  /** Notes a failure. The first one counts; those after it and those of a cancelled request are ignored. */
  fail(type: ErrorType, error?: unknown): void {
    if (this.#outcome !== undefined || this.#settled) return;
    this.#note('error');
    this.#errorType = type;
    this.#error = error;
    const errors = this.#binding.series.errors[type];
    errors.value += 1;
    if (this.#trace) errors.exemplar = { labels: this.#trace, value: 1, timestamp: Date.now() / 1000 };
    if (this.#binding.onError) this.#record(this.#binding.onError, undefined);
  }

  /** Notes that the consumer stopped the request. Ignored after a failure. */
  cancel(): void {
    if (this.#outcome !== undefined || this.#settled) return;
    this.#note('cancelled');
    this.#binding.series.cancellations.value += 1;
  }

  /** The handler came to its end by itself. */
  complete(): void {
    if (this.#settled) return;
    if (this.#args && isAborted(this.#args)) this.cancel();
    this.settle();
  }

  /** The handler threw or rejected, or its stream did. */
  crash(error: unknown): void {
    this.#fault(error);
    this.settle();
  }

  /** The consumer wants no more. */
  stop(): void {
    this.cancel();
    this.settle();
  }

  /** The handler had no room, and never saw the request: it is over, and neither a failure nor something that took time. */
  reject(error: unknown): void {
    if (this.#settled) return;
    this.#outcome = 'rejected';
    this.#error = error;
    this.#end(now() - this.#start);
  }

  /** What settles the request should its stream be collected; whoever holds it does not hold the request. */
  get remains(): Remains {
    if (!this.#remains) {
      this.#remains = new Remains(this.#binding, this.#start, this.#place, this.#trace);
      this.#remains.stream = this.#stream;
      this.#remains.itemCount = this.#itemCount;
      this.#remains.outcome = this.#outcome as StreamOutcome | undefined;
    }
    return this.#remains;
  }

  /** Ends the request: duration observed, gauge lowered, end recorded and logged. Later calls do nothing. */
  settle(): void {
    if (this.#settled) return;
    const at = now();
    const outcome = (this.#outcome ??= 'success') as StreamOutcome;
    const duration = at - this.#start;
    this.#binding.series.duration.observe(duration, this.#trace);
    this.#stream?.end(outcome, at);
    this.#end(duration);
  }

  #end(duration: number): void {
    const { series, onEnd } = this.#binding;
    this.#settled = true;
    this.#seconds = duration;
    if (this.#place) this.#place.release();
    series.inflight.value -= 1;
    if (this.#remains) this.#remains.isSettled = true;
    if (onEnd) this.#record(onEnd, undefined, duration);
    if (log.errorEnabled && this.#binding.standard) this.#logEnd(duration);
    this.#args = undefined;
  }

  #note(outcome: StreamOutcome): void {
    this.#outcome = outcome;
    if (this.#remains) this.#remains.outcome = outcome;
  }

  /** A failure that the consumer brought about by aborting is a cancellation. */
  #fault(error: unknown): void {
    if (this.#args && isAborted(this.#args)) this.cancel();
    else this.fail('generate', error);
  }

  get #request(): unknown {
    return this.#args && requestOf(this.#args);
  }

  #record(metrics: readonly CustomMetric[], item: unknown, durationSeconds?: number): void {
    const event = {
      request: this.#request,
      item,
      error: this.#error,
      outcome: this.#outcome,
      durationSeconds,
      itemCount: this.#itemCount,
      handler: this.#handler,
    };
    for (const metric of metrics) metric.record(event);
  }

  /** The id in log lines; made up for a call without one, so that its lines can be told from others. */
  get #requestId(): string {
    const first = this.#args?.[0];
    return (this.#id ??= Context.is(first) ? first.id : randomUUID());
  }

  #logEnd(durationSeconds: number): void {
    const line = { endpoint: this.#binding.name, id: this.#requestId, outcome: this.#outcome, durationSeconds };
    if (this.#errorType === undefined) log.write('debug', line, 'request completed');
    else {
      const error = this.#error instanceof Error ? this.#error : messageOf(this.#error);
      log.write('error', { ...line, error_type: this.#errorType, err: error }, 'request failed');
    }
  }
}
