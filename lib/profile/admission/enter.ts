import { itemsOf } from '../../engine/items';
import type { AdmissionSeries } from '../../metrics/admission-series';
import { follow } from '../follow';
import type { Profile } from '../profile';
import { AsyncTap } from '../tap-async';
import type { Admission } from './admission';
import { isInside, runInside } from './inside';
import { QueuedStream } from './queued-stream';

/** The limit of a handler, and what its calls are recorded in. */
export interface Limit {
  readonly admission: Admission;
  readonly series: AdmissionSeries;
}

/** What a call gives its caller, as far as one can wait with it. */
export type Waitable = 'promise' | 'stream' | undefined;

/** The form of what was handed out. */
export function waitableOf(result: unknown): Waitable {
  if (result instanceof AsyncTap || result instanceof QueuedStream) return 'stream';
  return result instanceof Promise ? 'promise' : undefined;
}

/**
 * Runs a call of a handler with a limit, at once or when there is room, and follows what it answers. A refusal has the form of the
 * answer: a promise that rejects, a stream whose first `next()` does, else an exception.
 */
export function enter(
  { admission, series }: Limit,
  profile: Profile,
  args: readonly unknown[],
  form: Waitable,
  call: () => unknown,
): unknown {
  if (isInside(admission)) return followed(profile, call);
  const place = admission.place(profile, series, args, form !== undefined);
  const begin = (): unknown => followed(profile, () => runInside(place, call));
  if (place.isInside) return begin();
  if (form === 'stream') return new QueuedStream(place, profile, () => iteratorOf(begin()));
  if (form === 'promise') return place.entered.then(begin);
  throw place.refusal;
}

/** A function that may answer anything has answered something else than the last time. */
function iteratorOf(answer: unknown): AsyncIterator<unknown> {
  const items = waitableOf(answer) === 'stream' ? (answer as AsyncIterable<unknown>) : itemsOf(answer);
  return items[Symbol.asyncIterator]();
}

function followed(profile: Profile, call: () => unknown): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    profile.crash(error);
    throw error;
  }
  return follow(profile, result);
}
