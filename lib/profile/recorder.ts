import { ProfiledError } from '../errors';
import { admissionSeries } from '../metrics/admission-series';
import { checkOptionNames, show } from '../metrics/labels';
import { STANDARD_METRICS } from '../metrics/names';
import {
  addressLabels,
  checkNaming,
  type EndpointAddress,
  type NamingOptions,
  resolveNaming,
  standardSeries,
} from '../metrics/standard';
import { currentStore, shared } from '../metrics/store';
import { type StreamSeries, streamSeries } from '../metrics/stream-series';
import type { Admission } from './admission/admission';
import { checkLimits, LIMIT_OPTIONS, type LimitOptions } from './admission/limits';
import { bindCustomMetrics, type Binding, UNSEEN_SERIES } from './binding';
import { CustomMetric, type CustomMetricOptions } from './custom-metric';
import { Profile } from './profile';
import { noSize, sizeOf, type SizeOf } from './sizes';

/** How the requests of one handler are recorded. */
export interface RecorderOptions extends NamingOptions, LimitOptions {
  /**
   * Measures the request value and each item, in bytes; `'off'` measures nothing and leaves both byte counters at 0. It is
   * called once a value, so its cost is the handler's. A negative result or a throw counts as unmeasurable.
   * @default UTF-8 length of strings, `byteLength` of buffers, exact JSON length of anything else
   */
  readonly sizeOf?: SizeOf | 'off';
  /**
   * Whether streams have metrics of their own: time to the first item, time between items, items, outcomes, who waited for whom.
   * They cost up to two readings of the clock an item. @default true
   */
  readonly streamMetrics?: boolean;
  /**
   * Whether duration buckets and errors carry the trace id and span id of the OpenTelemetry span that was active when the request
   * arrived, if its trace is sampled; shown in OpenMetrics scrapes. Costs one look-up of that span a request where an
   * OpenTelemetry SDK is registered, and one field elsewhere. @default true
   */
  readonly exemplars?: boolean;
}

/** The options of a recorder, by name. */
export const RECORDER_OPTIONS = [
  'naming',
  'prefix',
  'labels',
  'buckets',
  'sizeOf',
  'streamMetrics',
  'exemplars',
  ...LIMIT_OPTIONS,
] as const;

/** @throws PROFILED_CONFIG_INVALID or PROFILED_METRIC_INVALID, naming the option */
export function checkRecorderOptions(what: string, options: RecorderOptions): void {
  checkOptionNames(what, options, RECORDER_OPTIONS);
  checkNaming(options);
  checkSwitches(options);
  checkLimits(options);
  const { sizeOf: size } = options;
  if (size !== undefined && size !== 'off' && typeof size !== 'function') {
    throw new ProfiledError('PROFILED_CONFIG_INVALID', `\`sizeOf\` must be a function or 'off', got ${show(size)}`);
  }
}

/** What can be left out of a recording. */
export type RecorderSwitches = Pick<RecorderOptions, 'streamMetrics' | 'exemplars'>;

/** @throws PROFILED_CONFIG_INVALID unless each is a boolean or left out */
export function checkSwitches({ streamMetrics, exemplars }: RecorderSwitches): void {
  for (const [name, value] of Object.entries({ streamMetrics, exemplars })) {
    if (value === undefined || typeof value === 'boolean') continue;
    throw new ProfiledError('PROFILED_CONFIG_INVALID', `\`${name}\` must be true or false, got ${show(value)}`);
  }
}

/** What a recorder is made of. */
export interface RecorderParts {
  /** Undefined for a method with custom metrics on a class that is not profiled. */
  readonly address: EndpointAddress | undefined;
  readonly options: RecorderOptions;
  readonly customMetrics: readonly CustomMetricOptions[];
  /** Whether the standard metrics are recorded too. */
  readonly standard: boolean;
  /** Bounds how many calls run at once. */
  readonly admission?: Admission | undefined;
  /** Stands in log lines where there is no address. */
  readonly name: string;
}

/**
 * Where the requests of one method at one endpoint are recorded. It binds late: series are made in the registry that is current
 * at the first request or scrape, and again when another registry becomes the current one.
 */
export class Recorder {
  #epoch = -1;
  #binding: Binding | undefined;

  constructor(readonly parts: RecorderParts) {}

  /** The recorder of all requests that reach an endpoint, however they arrive. */
  static forEndpoint(address: EndpointAddress, options: RecorderOptions = {}): Recorder {
    return new Recorder({ address, options, customMetrics: [], standard: true, name: address.endpoint });
  }

  /**
   * A request arrived that is not a call of the handler yet: counts it and starts its clock. `traceparent` is the header of that
   * name, for where no span is active.
   */
  open(requestId?: string, traceparent?: string): Profile {
    const profile = Profile.begin(this.binding(), undefined, traceparent);
    profile.received(requestId);
    return profile;
  }

  /** The series to write, made now if the current registry does not have them yet. */
  binding(): Binding {
    return this.#epoch === shared.epoch ? this.#binding! : this.#bind();
  }

  #bind(): Binding {
    this.#binding = this.#makeBinding();
    this.#epoch = shared.epoch;
    return this.#binding;
  }

  #makeBinding(): Binding {
    const { address, options, customMetrics, standard, admission, name } = this.parts;
    const store = currentStore();
    const isStandard = standard && address !== undefined;
    const naming = resolveNaming(options);
    const labels = { ...naming.labels, ...addressLabels(address ?? {}, naming.naming) };
    // The standard metrics first: a custom one that takes the name of one of them is the one to lose.
    const series = isStandard ? standardSeries(store, address, naming) : UNSEEN_SERIES;
    const metrics = bindCustomMetrics(
      customMetrics,
      (metric) => new CustomMetric(metric, store, labels, naming.naming),
    );
    let streams: StreamSeries | undefined;
    const makeStreams = (): StreamSeries => (streams ??= streamSeries(store, address!, naming));
    return {
      series,
      store,
      streams: isStandard && options.streamMetrics !== false ? makeStreams : undefined,
      sizeOf: !isStandard || options.sizeOf === 'off' ? noSize : (options.sizeOf ?? sizeOf),
      name: address ? addressName(address) : name,
      bytesMetric: naming.prefix + STANDARD_METRICS.responseBytes.name,
      limit: isStandard && admission ? { admission, series: admissionSeries(store, address, naming) } : undefined,
      traced: isStandard && options.exemplars !== false,
      standard: isStandard,
      isPlain: isStandard && !admission && customMetrics.every(({ on = 'request' }) => on === 'request'),
      onRequest: metrics('request'),
      onItem: metrics('item'),
      onEnd: metrics('end'),
      onError: metrics('error'),
    };
  }
}

/** `namespace.component.endpoint`, as log lines show it. */
export function addressName({ namespace, component, endpoint }: EndpointAddress): string {
  // A text of its own: that of a template keeps the parts that it was made of.
  return [namespace, component, endpoint].join('.');
}

/** A key that differs when two endpoints have other series: by address, names, labels, bounds or custom metrics. */
export function bindingKey(
  kind: string,
  { address, options }: { readonly address: EndpointAddress; readonly options: RecorderOptions },
  customMetrics: readonly CustomMetricOptions[] = [],
): string {
  const { naming, prefix, labels, buckets, streamMetrics, exemplars, maxConcurrent, maxQueued, queueTimeoutMs } =
    options;
  const parts = JSON.stringify({
    naming,
    prefix,
    labels,
    buckets,
    streamMetrics,
    exemplars,
    limits: [maxConcurrent, maxQueued, queueTimeoutMs],
    metrics: customMetrics.map(({ name }) => name),
  });
  return [kind, addressName(address), parts].join(' ');
}
