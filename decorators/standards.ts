import { ProfiledError } from '../lib/errors';
import { show } from '../lib/metrics/labels';

type AnyFunction = (this: never, ...args: never[]) => unknown;
export type AbstractClass = abstract new (...args: never[]) => object;

/** A class decorator for both standards. It returns nothing: the class stays the very same. */
export interface ClassDecoratorOfBoth<Instance extends object> {
  <C extends abstract new (...args: never[]) => Instance>(target: C): void;
  <C extends abstract new (...args: never[]) => Instance>(target: C, context: ClassDecoratorContext<C>): void;
}

/** A method decorator for both standards. */
export interface MethodDecoratorOfBoth {
  (target: object, key: string | symbol, descriptor: PropertyDescriptor): void;
  <F extends AnyFunction>(value: F, context: ClassMethodDecoratorContext): F;
}

/**
 * The two standards differ in what a decorator is given: TC39's passes the value and a context object with a `kind`, TypeScript's
 * older one the target, a key and a descriptor. This file is the only one that knows.
 */
function isContext(value: unknown): value is DecoratorContext {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

/** A class decorator that runs `apply` with the class. @throws PROFILED_HANDLER_INVALID when it decorates anything else */
export function classDecorator<Instance extends object>(
  name: string,
  apply: (target: AbstractClass) => void,
): ClassDecoratorOfBoth<Instance> {
  return (target: unknown, context?: unknown): void => {
    const isClass =
      typeof target === 'function' && (isContext(context) ? context.kind === 'class' : context === undefined);
    if (!isClass) throw misplaced(name, 'a class', context);
    apply(target as AbstractClass);
  };
}

/** A method decorator that puts `wrap(method)` in the method's place. @throws PROFILED_HANDLER_INVALID on anything else */
export function methodDecorator(
  name: string,
  wrap: (method: AnyFunction, key: string | symbol) => AnyFunction,
): MethodDecoratorOfBoth {
  return ((target: unknown, context: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (isContext(context)) {
      if (context.kind !== 'method') throw misplaced(name, 'a method', context);
      return wrap(target as AnyFunction, context.name);
    }
    const method: unknown = descriptor?.value;
    if (!descriptor || typeof method !== 'function') throw misplaced(name, 'a method', context);
    descriptor.value = wrap(method as AnyFunction, context as string | symbol);
    return descriptor;
  }) as MethodDecoratorOfBoth;
}

function misplaced(name: string, expected: string, context: unknown): ProfiledError {
  const where = isContext(context)
    ? `a ${context.kind} (${String(context.name)})`
    : typeof context === 'string' || typeof context === 'symbol'
      ? `${String(context)}, which is no method (a field with an arrow function, an accessor?)`
      : show(context);
  return new ProfiledError(
    'PROFILED_HANDLER_INVALID',
    `@${name} decorates ${expected}, but was put on ${where}. Write the handler as a method, or measure it with profiled(...).`,
  );
}
