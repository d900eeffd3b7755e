import 'reflect-metadata';
import { types } from 'node:util';
import { log } from '../internal/logger';
import { enter, type Waitable, waitableOf } from './admission/enter';
import type { Binding } from './binding';
import { type AnyFunction, call } from './call';
import { follow } from './follow';
import { Method } from './method';
import { callPlainly, isPlain } from './plain-call';
import { Profile } from './profile';
import { AsyncTap } from './tap-async';

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
  const makesStreams = isAsyncGeneratorFunction(original);
  /** What it answers: of a function that may return anything, its last answer tells. */
  let form: Waitable = makesStreams ? 'stream' : types.isAsyncFunction(original) ? 'promise' : undefined;
  // A method of an object literal is neither a constructor nor has it a prototype, as methods of classes.
  const { wrapper } = {
    wrapper(this: unknown, ...args: unknown[]): unknown {
      const binding = bindingFor(method, this, args);
      if (!binding) return call(original, this, args);
      if (!makesStreams && isPlain(binding)) return callPlainly(binding, original, this, args);
      const profile = Profile.call(binding, this, args);
      if (profile.limit) {
        const answer = enter(profile.limit, profile, args, form, bound(original, this, args));
        form = waitableOf(answer);
        return answer;
      }
      return run(profile, makesStreams, original, this, args);
    },
  };
  copyIdentity(original, wrapper);
  method.mark(wrapper);
  return { wrapper: wrapper as unknown as F, method };
}

function run(
  profile: Profile,
  makesStreams: boolean,
  fn: AnyFunction,
  self: unknown,
  args: readonly unknown[],
): unknown {
  let result: unknown;
  try {
    result = call(fn, self, args);
  } catch (error) {
    profile.crash(error);
    throw error;
  }
  // Nobody can have touched a generator that was just made: it needs no look at what it is.
  if (!makesStreams) return follow(profile, result);
  profile.beginStream();
  return new AsyncTap(result as AsyncGenerator, profile);
}

/** Made here and not in the wrapper, where a closure would have every call keep its arguments on the heap. */
function bound(fn: AnyFunction, self: unknown, args: readonly unknown[]): () => unknown {
  return () => call(fn, self, args);
}

function isAsyncGeneratorFunction(value: unknown): boolean {
  return types.isGeneratorFunction(value) && types.isAsyncFunction(value);
}

/** Where a call is recorded; undefined when nothing is, or when looking at its arguments throws (a revoked proxy). */
function bindingFor(method: Method, self: unknown, args: readonly unknown[]): Binding | undefined {
  try {
    return method.recorderFor(self, args)?.binding();
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
