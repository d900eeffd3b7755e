import { now } from '../internal/clock';
import { log } from '../internal/logger';
import type { Binding } from './binding';
import { type AnyFunction, call } from './call';
import { isAborted, requestOf } from './call-arguments';
import { recordArrival } from './custom-metric';
import { follow } from './follow';
import { Profile } from './profile';
import { measured } from './sizes';
import { isTracing } from './trace';

/** Whether a call has nothing but the standard metrics to record, and custom ones on arrival. */
export function isPlain(binding: Binding): boolean {
  return binding.isPlain && !log.debugEnabled && !(binding.traced && isTracing());
}

/**
 * A call that {@link isPlain}. One that comes to a value that is no object, at once or by a promise, is over with it, so its profile is
 * not even made. Anything else goes on as every call does.
 */
export function callPlainly(binding: Binding, original: AnyFunction, self: unknown, args: readonly unknown[]): unknown {
  // Written out for texts, the most common call: V8 puts only so much code of others into one function, and a clock that is
  // left out costs half as much again.
  const { series, onRequest } = binding;
  const { 0: first, length } = args;
  const start = now();
  series.requests.value += 1;
  series.inflight.value += 1;
  const request = typeof first === 'object' ? requestOf(args) : first;
  series.requestBytes.value += measured(binding, request);
  if (onRequest) recordArrival(onRequest, request, self);
  let result: unknown;
  try {
    result = length === 1 ? Reflect.apply(original, self, [first] as never[]) : call(original, self, args);
  } catch (error) {
    Profile.resume(binding, self, args, start).crash(error);
    throw error;
  }
  if (typeof result !== 'string') {
    return isPlainPromise(result)
      ? finishLater(binding, self, args, start, result)
      : finish(binding, self, args, start, result);
  }
  series.responseBytes.value += measured(binding, result);
  if ((length > 1 || typeof first === 'object') && isAborted(args)) series.cancellations.value += 1;
  series.inflight.value -= 1;
  series.duration.observe(now() - start);
  return result;
}

/** By itself, since closures would have every call keep its variables on the heap. */
function finishLater(
  binding: Binding,
  self: unknown,
  args: readonly unknown[],
  start: number,
  result: Promise<unknown>,
): unknown {
  const fail = (error: unknown): never => {
    Profile.resume(binding, self, args, start).crash(error);
    throw error;
  };
  try {
    return result.then((value) => finish(binding, self, args, start, value), fail);
  } catch {
    return follow(Profile.resume(binding, self, args, start), result); // its `then` is broken
  }
}

function finish(binding: Binding, self: unknown, args: readonly unknown[], start: number, value: unknown): unknown {
  if (typeof value === 'function' || (typeof value === 'object' && value !== null)) {
    return follow(Profile.resume(binding, self, args, start), value);
  }
  const { series } = binding;
  if (value !== undefined) series.responseBytes.value += measured(binding, value);
  if (isAborted(args)) series.cancellations.value += 1;
  series.inflight.value -= 1;
  series.duration.observe(now() - start);
  return value;
}

/** A promise and nothing else: some are streams as well. */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  try {
    return value instanceof Promise && !(Symbol.asyncIterator in value);
  } catch {
    return false; // a revoked proxy
  }
}
