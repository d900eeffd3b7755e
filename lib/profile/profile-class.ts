import { ProfiledError } from '../errors';
import { log } from '../internal/logger';
import { bindBeforeScrape } from '../metrics/store';
import { defineEndpoint, ownEndpointOf, type ProfiledEndpoint } from './endpoint';
import { measure } from './measure';
import { Method } from './method';
import { addressName, bindingKey } from './recorder';

/** The one method of an engine. */
const ENTRY = 'generate';

type AnyFunction = (this: unknown, ...args: never[]) => unknown;
type Class = abstract new (...args: never[]) => object;

/**
 * Measures `generate` of all instances of a class by replacing it on the prototype. Where the class inherits it, a method that calls
 * the parent's is put in, so that the parent can change later. Where there is none at all (an abstract class), the address is
 * noted for subclasses.
 *
 * @throws PROFILED_HANDLER_INVALID if `generate` is a field, which no prototype can measure, or the class has another address
 */
export function profileClass(target: Class, endpoint: ProfiledEndpoint): void {
  const prototype = target.prototype as object;
  const before = ownEndpointOf(prototype);
  if (before) return refuseSecondAddress(target, before, endpoint);

  const owner = ownerOf(prototype, ENTRY);
  refuseField(target);
  if (owner === prototype) replace(prototype);
  else if (owner) delegate(prototype, owner);
  else log.write('warn', { class: target.name }, 'a profiled class has no generate: only subclasses can be measured');

  defineEndpoint(prototype, endpoint);
  const methods = methodsOf(prototype);
  for (const method of methods) method.home = endpoint;
  bindBeforeScrape(
    bindingKey(
      'class',
      endpoint,
      methods.flatMap(({ customMetrics }) => customMetrics),
    ),
    () => {
      for (const method of methods) method.bindFor(prototype);
    },
  );
}

function replace(prototype: object): void {
  const descriptor = Reflect.getOwnPropertyDescriptor(prototype, ENTRY)!;
  if (typeof descriptor.value === 'function') {
    Reflect.defineProperty(prototype, ENTRY, { ...descriptor, value: asRequest(descriptor.value as AnyFunction) });
  } else if (descriptor.get) {
    const { get } = descriptor;
    Reflect.defineProperty(prototype, ENTRY, {
      ...descriptor,
      get(this: unknown) {
        const value: unknown = get.call(this);
        return typeof value === 'function' ? measuredOnce(value as AnyFunction) : value;
      },
    });
  }
}

/** Functions that a `get generate()` has given out, with their measured form. */
const gotten = new WeakMap<AnyFunction, AnyFunction>();

function measuredOnce(original: AnyFunction): AnyFunction {
  let wrapper = gotten.get(original);
  if (!wrapper) gotten.set(original, (wrapper = asRequest(original)));
  return wrapper;
}

function delegate(prototype: object, owner: object): void {
  const { value } = Reflect.getOwnPropertyDescriptor(owner, ENTRY) as { value?: unknown };
  const inherited = function (this: unknown, ...args: never[]): unknown {
    return Reflect.apply(
      Reflect.get(Object.getPrototypeOf(prototype) as object, ENTRY, this) as AnyFunction,
      this,
      args,
    );
  };
  const wrapper = asRequest(inherited);
  if (typeof value === 'function') {
    Reflect.defineProperty(wrapper, 'name', { value: value.name, configurable: true });
    Reflect.defineProperty(wrapper, 'length', { value: value.length, configurable: true });
  }
  Reflect.defineProperty(prototype, ENTRY, { value: wrapper, writable: true, configurable: true, enumerable: false });
}

function asRequest(original: AnyFunction): AnyFunction {
  const { wrapper, method } = measure(original, ENTRY);
  method.isRequest = true;
  return wrapper;
}

function ownerOf(prototype: object, key: PropertyKey): object | undefined {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, key)) return at;
  }
  return undefined;
}

/**
 * How a class' text shows that `generate` is set on the instance: as a field, by an assignment (that does not make use of the
 * method, as `this.generate = this.generate.bind(this)` does), or by the helper that compilers put in a field's place.
 */
const FIELD_SIGNS = [
  /(?:^|[;{}\n])\s*(?:generate|\[\s*(["'`])generate\1\s*\])\s*=(?![=>])/,
  /\bthis\s*(?:\.\s*generate|\[\s*(["'`])generate\1\s*\])\s*=(?![=>])(?![^;\n]*\bgenerate\b)/,
  /define_?property\w*\(\s*this\s*,\s*(["'])generate\1/i,
];
const COMMENTS = /\/\*[^]*?\*\/|\/\/[^\n]*/g;

/** A field is set on each instance when it is made, where a class decorator never looks; only the class' text shows it. */
function refuseField(target: Class): void {
  for (
    let at: unknown = target;
    typeof at === 'function' && at !== Function.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    const text = Function.prototype.toString.call(at).replace(COMMENTS, '');
    if (FIELD_SIGNS.some((sign) => sign.test(text))) throw fieldError(target);
    // A decorated parent has been looked at when it was decorated.
    if (at !== target && ownEndpointOf(at.prototype as object)) return;
  }
}

function fieldError(target: Class): ProfiledError {
  return new ProfiledError(
    'PROFILED_HANDLER_INVALID',
    `@Profiled can not measure \`generate\` of class ${target.name}, since it is a field (\`generate = ...\`) and not a method. ` +
      'Write `async *generate(request) { ... }`, or measure each instance with profiled(address, instance).',
  );
}

function refuseSecondAddress(target: Class, before: ProfiledEndpoint, again: ProfiledEndpoint): void {
  if (bindingKey('class', before) === bindingKey('class', again)) return;
  const [first, second] = [addressName(before.address), addressName(again.address)];
  const other = first === second ? 'have other options there' : `be ${second} too`;
  throw new ProfiledError(
    'PROFILED_HANDLER_INVALID',
    `class ${target.name} is profiled as ${first} already and can not ${other}. Keep one @Profiled, or decorate a subclass.`,
  );
}

/** The measured methods of a prototype; getters are left alone. */
function methodsOf(prototype: object): Method[] {
  const methods = Reflect.ownKeys(prototype)
    .map((key) => Method.of(Reflect.getOwnPropertyDescriptor(prototype, key)?.value))
    .filter((method) => method !== undefined);
  // A copy has no room to spare, and is kept for as long as the class.
  return [...methods];
}
