import { ProfiledError } from '../lib/errors';
import { show } from '../lib/metrics/labels';
import type { EndpointAddress } from '../lib/metrics/standard';
import { bindBeforeScrape } from '../lib/metrics/store';
import { checkCustomMetric, type CustomMetricOptions } from '../lib/profile/custom-metric';
import { checkAddress, defineEndpoint, type ProfiledEndpoint } from '../lib/profile/endpoint';
import { measure } from '../lib/profile/measure';
import { Method } from '../lib/profile/method';
import { addressName, checkRecorderOptions } from '../lib/profile/recorder';
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
export function profiled<H extends AnyFunction | Handler>(
  target: EndpointAddress | string,
  handler: H,
  options: FunctionFormOptions = {},
): H {
  const { customMetrics = [], ...rest } = options;
  checkRecorderOptions(rest);
  customMetrics.forEach(checkCustomMetric);
  const endpoint = { address: checkAddress(addressFrom(target)), options: Object.freeze({ ...rest }) };
  const original: unknown = typeof handler === 'function' ? handler : (handler as Partial<Handler> | null)?.generate;
  if (typeof original !== 'function')
    throw invalid(`it needs a function or an object with \`generate\`, got ${show(handler)}`);

  const wrapper = measured(original as AnyFunction, endpoint, customMetrics);
  autoStart();
  if (typeof handler === 'function') return wrapper as H;
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
  bindBeforeScrape(`function ${addressName(endpoint.address)} ${endpoint.options.prefix ?? ''}`, () =>
    method.bindFor(wrapper),
  );
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
