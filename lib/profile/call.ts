export type AnyFunction = (this: unknown, ...args: never[]) => unknown;

/** `Reflect.apply`, told apart by the number of arguments: a literal list costs nothing. */
export function call(fn: AnyFunction, self: unknown, args: readonly unknown[]): unknown {
  switch (args.length) {
    case 1:
      return Reflect.apply(fn, self, [args[0]] as never[]);
    case 2:
      return Reflect.apply(fn, self, [args[0], args[1]] as never[]);
    default:
      return Reflect.apply(fn, self, args as never[]);
  }
}
