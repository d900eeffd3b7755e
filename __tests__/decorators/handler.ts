import { Registry } from 'prom-client';
import { Profiled, type ProfiledOptions, useRegistry } from '../../lib';
import { readings, type Readings } from '../support/readings';

/** A decorated handler whose `generate` does what the test says, and the numbers of its endpoint in a registry of its own. */
export function handlerOf<R>(generate: (...args: unknown[]) => R, options: ProfiledOptions = {}) {
  const registry = new Registry();
  useRegistry(registry);

  @Profiled('ns', 'comp', 'ep', options)
  class Handler {
    generate(...args: unknown[]): R {
      return generate.apply(this, args);
    }
  }

  const handler = new Handler();
  return {
    handler,
    registry,
    call: (...args: unknown[]): R => handler.generate(...args),
    read: (): Promise<Readings> => readings(registry, { namespace: 'ns', component: 'comp', endpoint: 'ep' }),
  };
}

/** What one request that ended leaves behind, apart from its bytes and how it ended. */
export const ONE_ENDED = { requests: 1, inflight: 0, ended: 1 };

export async function drain<T>(stream: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
