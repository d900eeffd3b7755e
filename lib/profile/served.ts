import { Context, SERVED_BY } from '../engine/context';
import type { Recorder } from './recorder';

/** Who measures the run of a request, and of which handler. */
export interface Served {
  readonly handler: unknown;
  readonly recorder: Recorder;
}

/**
 * Notes that `recorder` measures the run of `handler` with this context. The handler's decorator then leaves the standard metrics
 * to it, and gives its custom metrics the labels of the served endpoint.
 */
export function markServed(context: Context<unknown>, handler: unknown, recorder: Recorder): void {
  context[SERVED_BY] = { handler, recorder } satisfies Served;
}

/** Who measures a call with these arguments already, and of which handler; undefined when nobody does. */
export function servedBy(args: readonly unknown[]): Served | undefined {
  const first = args[0];
  return Context.is(first) ? (first[SERVED_BY] as Served | undefined) : undefined;
}
