import { admissionOf } from './admission/admission';
import type { CustomMetricOptions } from './custom-metric';
import { endpointOf, type ProfiledEndpoint } from './endpoint';
import { addressName, Recorder } from './recorder';
import { type Served, servedBy } from './served';

/** The property under which a measured function keeps its {@link Method}; registered, so that two copies know each other's. */
const METHOD = Symbol.for('profiled/method@1');

type AnyFunction = (this: unknown, ...args: never[]) => unknown;

interface Choice {
  /** Standard and custom metrics, for the call that is the request. */
  readonly request: Recorder | undefined;
  /** Custom metrics alone, for a call within a request that is measured already. */
  readonly within: Recorder | undefined;
}

/**
 * What decorators have said of one method, and where its calls are recorded. Labels come from the class of the instance that is
 * called, so an inherited method counts under the subclass when that one is profiled.
 */
export class Method {
  /** In the order in which they are recorded. */
  readonly customMetrics: CustomMetricOptions[] = [];
  /** Whether its calls are requests, with the standard metrics. */
  isRequest = false;
  /** The endpoint of a single function or instance; undefined where the class of `this` decides. */
  endpoint: ProfiledEndpoint | undefined;
  /** Where a call without an object as \`this\` counts: the class that the method was taken from. */
  home: ProfiledEndpoint | undefined;

  #lastPrototype: object | undefined;
  #lastChoice: Choice | undefined;
  /** Made for a second prototype: most methods have one, and an empty map weighs more than all else here. */
  #choices: WeakMap<object, Choice> | undefined;
  #served: WeakMap<Recorder, Recorder> | undefined;
  #free: Choice | undefined;
  #wrapper: object | undefined;

  constructor(
    readonly name: PropertyKey,
    readonly original: AnyFunction,
  ) {}

  /** The method behind a measured function; undefined for any other value. */
  static of(value: unknown): Method | undefined {
    return typeof value === 'function' ? (value as { [METHOD]?: Method })[METHOD] : undefined;
  }

  /** Makes `wrapper` known as the measured form of this method. */
  mark(wrapper: object): void {
    Object.defineProperty(wrapper, METHOD, { value: this });
    this.#wrapper = wrapper;
  }

  /** Where a call is recorded; undefined when there is nothing to record. */
  recorderFor(self: unknown, args: readonly unknown[]): Recorder | undefined {
    const choice = this.#choose(self);
    const served = typeof args[0] === 'object' ? servedBy(args) : undefined;
    if (served && this.#isRunOf(served, self, choice)) return this.#servedBy(served.recorder);
    return this.isRequest && !this.endpoint && this.#isWithin(self) ? choice.within : choice.request;
  }

  /** Makes the series of calls on instances with this prototype. */
  bindFor(prototype: object): void {
    this.#choiceFor(prototype).request?.binding();
  }

  /** Whether the server's measurement is that of this very call: of the same handler, or for the same endpoint. */
  #isRunOf({ handler, recorder }: Served, self: unknown, choice: Choice): boolean {
    if (handler === self || Method.of(handler) === this) return true;
    const [served, own] = [recorder.parts.address, choice.request?.parts.address];
    return served !== undefined && own !== undefined && addressName(served) === addressName(own);
  }

  /** A more derived method of the same name measures this request already: this call comes from its `super`. */
  #isWithin(self: unknown): boolean {
    if (typeof self !== 'object' || self === null) return false;
    const method = (self as Record<PropertyKey, unknown>)[this.name];
    return method !== this.#wrapper && this.#isOverridden(self, method);
  }

  #isOverridden(self: object, method: unknown): boolean {
    const own = Method.of(method);
    // An instance may hold a bound copy of its method, which says nothing; its class does.
    const prototype = Object.getPrototypeOf(self) as Record<PropertyKey, unknown> | null;
    const entry = own ?? (prototype === null ? undefined : Method.of(prototype[this.name]));
    return entry !== undefined && entry !== this && entry.isRequest;
  }

  #choose(self: unknown): Choice {
    if (this.endpoint || typeof self !== 'object' || self === null)
      return (this.#free ??= this.#make(this.endpoint ?? this.home));
    return this.#choiceFor((Object.getPrototypeOf(self) as object | null) ?? self);
  }

  #choiceFor(prototype: object): Choice {
    return prototype === this.#lastPrototype ? this.#lastChoice! : this.#turnTo(prototype);
  }

  #turnTo(prototype: object): Choice {
    if (this.#lastPrototype) this.#choices ??= new WeakMap([[this.#lastPrototype, this.#lastChoice!]]);
    let choice = this.#choices?.get(prototype);
    if (!choice) {
      choice = this.#make(this.endpoint ?? endpointOf(prototype));
      this.#choices?.set(prototype, choice);
    }
    this.#lastPrototype = prototype;
    return (this.#lastChoice = choice);
  }

  #make(endpoint: ProfiledEndpoint | undefined): Choice {
    const within = this.customMetrics.length > 0 ? this.#recorder(endpoint, false) : undefined;
    return { within, request: this.isRequest && endpoint ? this.#recorder(endpoint, true) : within };
  }

  #servedBy(server: Recorder): Recorder | undefined {
    if (this.customMetrics.length === 0) return undefined;
    const known = (this.#served ??= new WeakMap());
    let recorder = known.get(server);
    if (!recorder) known.set(server, (recorder = this.#recorder(server.parts, false)));
    return recorder;
  }

  #recorder(endpoint: Partial<ProfiledEndpoint> | undefined, standard: boolean): Recorder {
    const { address, options = {} } = endpoint ?? {};
    return new Recorder({
      address,
      options,
      customMetrics: this.customMetrics,
      standard,
      admission: standard ? admissionOf(options) : undefined,
      name: String(this.name),
    });
  }
}
