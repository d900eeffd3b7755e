import { AsyncLocalStorage } from 'node:async_hooks';
import { AsyncGeneratorPrototype } from '../tap-async';
import type { Admission } from './admission';
import type { Place } from './place';

interface Frame {
  readonly place: Place;
  readonly outer: Frame | undefined;
}

/** The places of the calls that the running code is part of, innermost first. */
const frames = new AsyncLocalStorage<Frame>();

/** Whether the running code is part of a call that has a place inside: one more place for it could never come free. */
export function isInside(admission: Admission): boolean {
  for (let frame = frames.getStore(); frame; frame = frame.outer) {
    if (frame.place.admission === admission && frame.place.isInside) return true;
  }
  return false;
}

/** Runs the handler as a part of its call. */
export function runInside(place: Place, run: () => unknown): unknown {
  const frame = { place, outer: frames.getStore() };
  const result = frames.run(frame, run);
  return result instanceof Promise ? result.then((value) => inside(frame, value)) : inside(frame, result);
}

/** A generator runs within its `next`, not within the call that made it. */
function inside(frame: Frame, result: unknown): unknown {
  return isAsyncGenerator(result) ? new InsideGenerator(frame, result) : result;
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator {
  return (
    Object.prototype.toString.call(value) === '[object AsyncGenerator]' && Reflect.ownKeys(value as object).length === 0
  );
}

class InsideGenerator {
  readonly #frame: Frame;
  readonly #source: AsyncGenerator;

  constructor(frame: Frame, source: AsyncGenerator) {
    this.#frame = frame;
    this.#source = source;
  }

  next(value?: unknown): Promise<IteratorResult<unknown>> {
    return frames.run(this.#frame, () => this.#source.next(value));
  }

  return(value?: unknown): Promise<IteratorResult<unknown>> {
    return frames.run(this.#frame, () => this.#source.return(value));
  }

  throw(error?: unknown): Promise<IteratorResult<unknown>> {
    return frames.run(this.#frame, () => this.#source.throw(error));
  }
}

// What follows results takes it for a generator of the language.
Object.setPrototypeOf(InsideGenerator.prototype, AsyncGeneratorPrototype);
