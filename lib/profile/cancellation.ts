import { Context } from '../engine/context';

/**
 * Whether the consumer gave up the call that was made with `args`: its `Context` was stopped or killed, or an `AbortSignal`
 * among the arguments, or in the `signal` of one of them, has fired. Never throws.
 */
export function isAborted(args: readonly unknown[]): boolean {
  for (const arg of args) {
    if (typeof arg !== 'object' || arg === null) continue;
    if (Context.is(arg)) {
      if (arg.isStopped) return true;
    } else if (arg instanceof AbortSignal) {
      if (arg.aborted) return true;
    } else if (signalOf(arg)?.aborted === true) return true;
  }
  return false;
}

function signalOf(arg: object): AbortSignal | undefined {
  try {
    const { signal } = arg as { signal?: unknown };
    return signal instanceof AbortSignal ? signal : undefined;
  } catch {
    return undefined;
  }
}
