import { ProfiledError } from '../lib/errors';
import type { EndpointAddress } from '../lib/metrics/standard';
import { profileClass } from '../lib/profile/profile-class';
import { checkAddress } from '../lib/profile/endpoint';
import { checkRecorderOptions, type RecorderOptions } from '../lib/profile/recorder';
import { autoStart } from '../lib/server/auto-start';
import { type ClassDecoratorOfBoth, classDecorator } from './standards';

/** How the requests of a handler are recorded; see each option for its default. */
export type ProfiledOptions = RecorderOptions;

/** A class whose instances have the method that `@Profiled` measures. */
export interface Handler {
  generate(...args: never[]): unknown;
}

/**
 * Measures every call of the class' `generate`: requests, bytes, errors by type, cancellations, concurrency and duration, whatever
 * `generate` returns. The class stays the very same; only its prototype's `generate` is replaced.
 *
 * Nothing happens while the class is being decorated, except that the system server starts after the current tick when the
 * environment asks for it (`DYN_SYSTEM_ENABLED`). A subclass that overrides `generate` is measured if it is decorated itself.
 *
 * @throws PROFILED_TARGET_INVALID, PROFILED_CONFIG_INVALID for bad arguments; PROFILED_HANDLER_INVALID where `generate` is a field
 *
 * @example
 * @Profiled('mynamespace', 'mycomponent', 'myendpoint')
 * class RequestHandler {
 *   async *generate(request: SingleIn<string>) { yield* request.data; }
 * }
 */
export function Profiled(
  namespace: string,
  component: string,
  endpoint: string,
  options?: ProfiledOptions,
): ClassDecoratorOfBoth<Handler>;
export function Profiled(target: EndpointAddress & ProfiledOptions): ClassDecoratorOfBoth<Handler>;
export function Profiled(
  first: string | (EndpointAddress & ProfiledOptions),
  component?: string,
  endpoint?: string,
  options: ProfiledOptions = {},
): ClassDecoratorOfBoth<Handler> {
  const { address, options: resolved } = endpointFrom(first, component, endpoint, options);
  return classDecorator('Profiled', (target) => {
    profileClass(target, { address, options: resolved });
    autoStart();
  });
}

function endpointFrom(
  first: string | (EndpointAddress & ProfiledOptions),
  component: string | undefined,
  endpoint: string | undefined,
  options: ProfiledOptions,
) {
  if (typeof first === 'function') {
    throw new ProfiledError(
      'PROFILED_TARGET_INVALID',
      "@Profiled needs its address: write @Profiled('namespace', 'component', 'endpoint')",
    );
  }
  const target =
    typeof first === 'object' && first !== null
      ? first
      : ({ ...options, namespace: first, component, endpoint } as EndpointAddress & ProfiledOptions);
  const { namespace, component: named, endpoint: end, ...rest } = target;
  checkRecorderOptions('@Profiled', rest);
  return { address: checkAddress({ namespace, component: named, endpoint: end }), options: Object.freeze({ ...rest }) };
}
