import { Context } from '../engine/context';

/**
 * Whether the consumer gave up the call that was made with `args`: its `Context` was stopped or killed, or an `AbortSignal`
 * among the arguments, or in the `signal` of one of them, has fired. Never throws.
 */
export function isAborted(args: readonly unknown[]): boolean {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (typeof arg === 'object' && arg !== null && hasAborted(arg)) return true;
  }
  return false;
}

function hasAborted(arg: object): boolean {
  return Context.is(arg) ? arg.isStopped : signalOf(arg)?.aborted === true;
}

/** The `AbortSignal` that an argument is, or has as its `signal`. Never throws. */
export function signalOf(arg: unknown): AbortSignal | undefined {
  if (typeof arg !== 'object' || arg === null) return undefined;
  try {
    const signal: unknown = arg instanceof AbortSignal ? arg : (arg as { signal?: unknown }).signal;
    return signal instanceof AbortSignal ? signal : undefined;
  } catch {
    return undefined; // a getter that throws, a revoked proxy
  }
}

/** What is asked for: the first argument, or the data in it. Never throws. */
export function requestOf(args: readonly unknown[]): unknown {
  const first = args[0];
  if (!Context.is(first)) return first;
  try {
    return first.data;
  } catch {
    return undefined; // a proxy that refuses to be asked
  }
}
