import { ProfiledError } from '../../errors';
import type { AdmissionSeries } from '../../metrics/admission-series';
import { Place } from './place';
import type { LimitOptions } from './limits';
import type { Profile } from '../profile';

/** The door of one decorated handler: who is inside and who waits. All its instances share it, whatever registry they record to. */
export class Admission {
  readonly #limit: number;
  readonly #maxQueued: number;
  readonly #timeoutMs: number | undefined;
  #running = 0;
  /** In the order of arrival; a set, so that leaving costs no search. */
  readonly #waiting = new Set<Place>();

  constructor({ maxConcurrent = Infinity, maxQueued = 0, queueTimeoutMs }: LimitOptions) {
    this.#limit = maxConcurrent;
    this.#maxQueued = maxQueued;
    this.#timeoutMs = queueTimeoutMs;
  }

  /** A place for a call that has just arrived: inside, in the queue if it `canWait`, or refused. */
  place(profile: Profile, series: AdmissionSeries, args: readonly unknown[], canWait: boolean): Place {
    const place = new Place(this, profile, series);
    if (this.#running < this.#limit) {
      this.#running += 1;
      place.admit();
    } else if (canWait && this.#waiting.size < this.#maxQueued) {
      this.#waiting.add(place);
      place.wait(args, this.#timeoutMs);
    } else {
      const why = canWait
        ? `and ${this.#maxQueued} more wait; raise \`maxConcurrent\` or \`maxQueued\`, or try again later`
        : 'and its answer is neither a promise nor an async generator, so the call can not wait; raise `maxConcurrent`, or try again later';
      place.reject('queue_full', this.#overloaded(why));
    }
    return place;
  }

  /** What a call is told whose time in the queue is over. */
  timedOut(): ProfiledError {
    return this.#overloaded(
      `and none of them ended within the ${this.#timeoutMs} ms of \`queueTimeoutMs\`; raise one of the two, or try again later`,
    );
  }

  /** A place in the queue is given up. */
  leave(place: Place): void {
    this.#waiting.delete(place);
  }

  /** Somebody inside is done: the next one in the queue takes over. */
  free(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next.admit();
  }

  #overloaded(why: string): ProfiledError {
    const calls = `${this.#limit} ${this.#limit === 1 ? 'call' : 'calls'}`;
    return new ProfiledError('PROFILED_OVERLOADED', `the handler is at its limit of ${calls} at once, ${why}`);
  }
}

const admissions = new WeakMap<LimitOptions, Admission>();

/** The door for one set of options, which one decorator has made; undefined where they set no limit. */
export function admissionOf(options: LimitOptions): Admission | undefined {
  if (options.maxConcurrent === undefined) return undefined;
  let admission = admissions.get(options);
  if (!admission) admissions.set(options, (admission = new Admission(options)));
  return admission;
}
