import type { Case } from './cases';
import { FAILURE, type Handler, REQUEST } from './handlers';
import type { Loop } from '../method/measure';

/** Keeps the compiler from leaving out what nobody looks at. */
export const seen: { last: unknown } = { last: undefined };

/** Calls the handlers in turn, and reads what they give to its end. */
export function consumer(of: Case, handlers: readonly Handler[]): Loop {
  const loop = loopOf(of, handlers);
  if (!of.open) return loop;
  const held: unknown[] = [];
  return async (times) => {
    // Within the first call, which does not count.
    while (held.length < of.open!) held.push(await opened(handlers[0]!));
    await loop(times);
  };
}

/** A stream that has given its first item. */
export async function opened(handler: Handler): Promise<AsyncIterator<unknown>> {
  const stream = handler.generate(REQUEST) as AsyncIterator<unknown>;
  await stream.next();
  return stream;
}

function loopOf({ shape, ends, count }: Case, handlers: readonly Handler[]): Loop {
  if (shape === 'value' || shape === 'promise') return (times) => awaiting(handlers, times);
  if (ends === 'error') return (times) => failing(handlers, times);
  if (ends === 'cancel') return (times) => leaving(handlers, times, count >> 1);
  return (times) => reading(handlers, times);
}

/** A value is awaited as well: a caller that takes both can not know. */
async function awaiting(handlers: readonly Handler[], times: number): Promise<void> {
  for (let n = 0; n < times; n++) seen.last = await handlers[n % handlers.length]!.generate(REQUEST);
}

async function reading(handlers: readonly Handler[], times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    for await (const item of handlers[n % handlers.length]!.generate(REQUEST) as AsyncIterable<unknown>)
      seen.last = item;
  }
}

async function failing(handlers: readonly Handler[], times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    try {
      for await (const item of handlers[n % handlers.length]!.generate(REQUEST) as AsyncIterable<unknown>)
        seen.last = item;
    } catch (error) {
      if (error !== FAILURE) throw error;
    }
  }
}

async function leaving(handlers: readonly Handler[], times: number, after: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    let read = 0;
    for await (const item of handlers[n % handlers.length]!.generate(REQUEST) as AsyncIterable<unknown>) {
      seen.last = item;
      if (++read === after) break;
    }
  }
}
