import 'reflect-metadata';
import { log } from '../internal/logger';
import { follow } from './follow';
import { Method } from './method';
import type { Profile } from './profile';

type AnyFunction = (this: unknown, ...args: never[]) => unknown;

/**
 * The measured form of a function: the same `this`, arguments, result, name, length and metadata; the same error object when it
 * throws. A function that is measured already comes back as it is, with its {@link Method} to add to.
 */
export function measure<F extends AnyFunction>(
  original: F,
  name: PropertyKey = original.name,
): { wrapper: F; method: Method } {
  const known = Method.of(original);
  if (known) return { wrapper: original, method: known };

  const method = new Method(name, original);
  // A method of an object literal is neither a constructor nor has it a prototype, as methods of classes.
  const { wrapper } = {
    wrapper(this: unknown, ...args: unknown[]): unknown {
      const profile = open(method, this, args);
      if (!profile) return Reflect.apply(original, this, args as never[]);
      let result: unknown;
      try {
        result = Reflect.apply(original, this, args as never[]);
      } catch (error) {
        profile.crash(error);
        throw error;
      }
      return follow(profile, result);
    },
  };
  copyIdentity(original, wrapper);
  method.mark(wrapper);
  return { wrapper: wrapper as unknown as F, method };
}

/** The profile of a call; undefined when nothing is recorded, or when looking at its arguments throws (a revoked proxy). */
function open(method: Method, self: unknown, args: readonly unknown[]): Profile | undefined {
  try {
    return method.recorderFor(self, args)?.begin(self, args);
  } catch (error) {
    log.write('error', { err: error }, `a call of ${String(method.name)} could not be measured`);
    return undefined;
  }
}

const NOT_COPIED = new Set<PropertyKey>(['prototype', 'arguments', 'caller']);

/** Properties (name and length among them) and Reflect metadata, which frameworks keep on the method's function. */
function copyIdentity(from: AnyFunction, to: object): void {
  for (const key of Reflect.ownKeys(from)) {
    if (NOT_COPIED.has(key)) continue;
    const descriptor = Reflect.getOwnPropertyDescriptor(from, key);
    if (descriptor && Reflect.getOwnPropertyDescriptor(to, key)?.configurable !== false) {
      Reflect.defineProperty(to, key, descriptor);
    }
  }
  for (const key of Reflect.getOwnMetadataKeys(from) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, from), to);
  }
}
