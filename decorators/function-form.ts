import { ProfiledError } from '../lib/errors';
import { checkOptionNames, show } from '../lib/metrics/labels';
import type { EndpointAddress } from '../lib/metrics/standard';
import { bindBeforeScrape } from '../lib/metrics/store';
import { checkCustomMetric, type CustomMetricOptions } from '../lib/profile/custom-metric';
import { checkAddress, defineEndpoint, type ProfiledEndpoint } from '../lib/profile/endpoint';
import { measure } from '../lib/profile/measure';
import { Method } from '../lib/profile/method';
import { bindingKey, checkRecorderOptions, RECORDER_OPTIONS } from '../lib/profile/recorder';
import { autoStart } from '../lib/server/auto-start';
import type { Handler, ProfiledOptions } from './profiled';

type AnyFunction = (this: never, ...args: never[]) => unknown;

/** Options of {@link profiled}. */
export interface FunctionFormOptions extends ProfiledOptions {
  /** Metrics of your own, as `@CustomMetric` takes them. @default [] */
  readonly customMetrics?: readonly CustomMetricOptions[];
}

/**
 * The same as `@Profiled` for what can't be decorated: a plain function, which comes back measured, or a handler object, whose own
 * `generate` is replaced by the measured one.
 *
 * @param target where the handler stands: an address, or its text form `'namespace.component.endpoint'`
 * @throws PROFILED_TARGET_INVALID, PROFILED_CONFIG_INVALID, PROFILED_METRIC_INVALID for bad arguments; PROFILED_HANDLER_INVALID
 * when the handler is neither, is frozen, or is measured already
 *
 * @example
 * const answer = profiled('mynamespace.mycomponent.answer', async (question: string) => ask(question));
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- a signature would type what the caller's function leaves open
export function profiled<F extends Function>(
  target: EndpointAddress | string,
  handler: F,
  options?: FunctionFormOptions,
): F;
export function profiled<H>(
  target: EndpointAddress | string,
  // A constraint would become the `this` of the object's methods.
  handler: H & (H extends Handler ? unknown : Handler),
  options?: FunctionFormOptions,
): H;
export function profiled(
  target: EndpointAddress | string,
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- as above
  handler: Function | Handler,
  options: FunctionFormOptions = {},
): unknown {
  checkOptionNames('profiled', options, [...RECORDER_OPTIONS, 'customMetrics']);
  const { customMetrics = [], ...rest } = options;
  checkRecorderOptions('profiled', rest);
  customMetrics.forEach(checkCustomMetric);
  const endpoint = { address: checkAddress(addressFrom(target)), options: Object.freeze({ ...rest }) };
  const original: unknown = typeof handler === 'function' ? handler : (handler as Partial<Handler> | null)?.generate;
  if (typeof handler === 'function' && /^class\b/.test(Function.prototype.toString.call(handler))) {
    throw invalid(`${handler.name} is a class; decorate it with @Profiled, or pass an instance`);
  }
  if (typeof original !== 'function')
    throw invalid(`it needs a function or an object with \`generate\`, got ${show(handler)}`);

  const wrapper = measured(original as AnyFunction, endpoint, customMetrics);
  autoStart();
  if (typeof handler === 'function') return wrapper;
  const own = { value: wrapper, writable: true, configurable: true, enumerable: Object.hasOwn(handler, 'generate') };
  if (!Reflect.defineProperty(handler, 'generate', own))
    throw invalid('the handler is frozen; measure it before freezing it');
  defineEndpoint(handler, endpoint);
  return handler;
}

function measured(original: AnyFunction, endpoint: ProfiledEndpoint, customMetrics: readonly CustomMetricOptions[]) {
  if (Method.of(original)?.endpoint) throw invalid('the function is measured already');
  // A method that its class' decorator measures gets a function around it, so that other instances keep theirs.
  const own = Method.of(original) ? around(original) : original;
  const { wrapper, method } = measure(own as never, own.name || endpoint.address.endpoint);
  method.isRequest = true;
  method.endpoint = endpoint;
  method.customMetrics.push(...customMetrics);
  bindBeforeScrape(bindingKey('function', endpoint, customMetrics), () => method.bindFor(wrapper));
  return wrapper as AnyFunction;
}

function around(original: AnyFunction): AnyFunction {
  return function (this: never, ...args: never[]): unknown {
    return Reflect.apply(original, this, args);
  };
}

function addressFrom(target: EndpointAddress | string): EndpointAddress {
  if (typeof target !== 'string') return target ?? {};
  const parts = target.split('.');
  const endpoint = parts.pop() ?? '';
  const component = parts.pop() ?? '';
  return { namespace: parts.join('.'), component, endpoint };
}

function invalid(reason: string): ProfiledError {
  return new ProfiledError('PROFILED_HANDLER_INVALID', `profiled() can not measure this handler: ${reason}`);
}
