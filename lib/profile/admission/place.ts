import { Context } from '../../engine/context';
import { ProfiledError } from '../../errors';
import { now } from '../../internal/clock';
import { deferred, type Deferred } from '../../internal/deferred';
import type { AdmissionSeries } from '../../metrics/admission-series';
import type { REJECTION_REASONS } from '../../metrics/names';
import type { Profile } from '../profile';
import { isAborted, signalOf } from '../call-arguments';
import type { Admission } from './admission';

const ignore = (): void => {};

/**
 * One call's place at the door of its handler: in the queue, then inside, then over. Whatever settles its request releases it.
 * It does not lead to the stream that its caller was given, so that a stream which is dropped in the queue can be collected.
 */
export class Place {
  #state: 'new' | 'waiting' | 'inside' | 'over' = 'new';
  /** Made for a call that waits or is refused: most do neither. */
  #entered: Deferred<boolean> | undefined;
  readonly #arrival = now();
  #timer: NodeJS.Timeout | undefined;
  #unlisten: readonly (() => void)[] = [];
  /** Let go once it is inside: from then on nothing here may lead to the request. */
  #profile: Profile | undefined;
  #refusal: ProfiledError | undefined;

  constructor(
    readonly admission: Admission,
    profile: Profile,
    private readonly series: AdmissionSeries,
  ) {
    this.#profile = profile;
  }

  get isInside(): boolean {
    return this.#state === 'inside';
  }

  /** Why it was refused. */
  get refusal(): ProfiledError | undefined {
    return this.#refusal;
  }

  /** True once the call may run, false if its consumer has left the queue; rejects when it is refused or aborted. */
  get entered(): Promise<boolean> {
    return this.#outcome().promise;
  }

  /** The call may run. */
  admit(): void {
    const hasWaited = this.#state === 'waiting';
    if (hasWaited) this.#leave();
    this.#state = 'inside';
    this.#profile?.holds(this);
    this.#profile = undefined;
    this.series.queueWait.observe(hasWaited ? now() - this.#arrival : 0);
    this.#entered?.resolve(true);
  }

  /** The call waits until {@link admit}, its time limit, or an abort by what it was called with. */
  wait(args: readonly unknown[], timeoutMs: number | undefined): void {
    this.#state = 'waiting';
    this.#outcome();
    this.#profile?.holds(this);
    this.#profile?.pause();
    this.series.queued.value += 1;
    if (isAborted(args)) return this.#abort(undefined);
    this.#unlisten = args.map((arg) => onAbort(arg, (cause) => this.#abort(cause)));
    if (timeoutMs === undefined) return;
    this.#timer = setTimeout(() => this.reject('timeout', this.admission.timedOut()), timeoutMs);
  }

  /** The call will not run. */
  reject(reason: (typeof REJECTION_REASONS)[number], error: ProfiledError): void {
    this.series.rejected[reason].value += 1;
    this.#refusal = error;
    this.#outcome().reject(error);
    this.#profile?.reject(error);
  }

  /** The request is over. */
  release(): void {
    const state = this.#state;
    this.#state = 'over';
    if (state === 'inside') return this.admission.free();
    if (state !== 'waiting') return;
    this.admission.leave(this);
    this.#leave();
    this.#entered?.resolve(false);
  }

  #abort(cause: unknown): void {
    const message = 'the call was aborted while it waited for room in its handler';
    this.#outcome().reject(new ProfiledError('PROFILED_CANCELLED', message, { cause }));
    this.#profile?.stop();
  }

  #outcome(): Deferred<boolean> {
    if (!this.#entered) {
      this.#entered = deferred();
      // Who waits hears of a rejection; that nobody waits is no fault.
      this.#entered.promise.catch(ignore);
    }
    return this.#entered;
  }

  #leave(): void {
    this.series.queued.value -= 1;
    this.#profile?.resume();
    clearTimeout(this.#timer);
    for (const unlisten of this.#unlisten) unlisten();
  }
}

/** Calls `abort` when the consumer gives up the call by this argument; the returned function ends that. */
function onAbort(arg: unknown, abort: (cause?: unknown) => void): () => void {
  if (Context.is(arg)) return arg.onControl(() => abort());
  const signal = signalOf(arg);
  if (!signal) return ignore;
  const listener = (): void => abort(signal.reason);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
