import { type Naming, NAMINGS } from '../config/settings';
import { ERROR_TYPES, type ErrorType } from '../errors';

export { NAMINGS, type Naming };

/** Upper bounds in seconds of `request_duration_seconds` unless told otherwise. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The default bounds and those that model inference needs, up to ten minutes. */
export const INFERENCE_BUCKETS: readonly number[] = [...DEFAULT_BUCKETS, 20, 30, 60, 120, 300, 600];

/** The three levels that give a metric its labels. */
export type Level = 'namespace' | 'component' | 'endpoint';
export const LEVELS: readonly Level[] = ['namespace', 'component', 'endpoint'];

/** How one naming spells what the other spells differently. */
export interface NamingScheme {
  /** Put before every name. */
  readonly prefix: string;
  readonly labels: Readonly<Record<Level, string>>;
  readonly inflight: string;
  readonly buckets: readonly number[];
  /** Labels of `uptime_seconds`. */
  readonly uptimeLabels: Readonly<Record<string, string>>;
}

export const NAMING_SCHEMES: Readonly<Record<Naming, NamingScheme>> = {
  plain: {
    prefix: '',
    labels: { namespace: 'namespace', component: 'component', endpoint: 'endpoint' },
    inflight: 'concurrent_requests',
    buckets: DEFAULT_BUCKETS,
    uptimeLabels: { namespace: 'http_server' },
  },
  dynamo: {
    prefix: 'dynamo_component_',
    labels: { namespace: 'dynamo_namespace', component: 'dynamo_component', endpoint: 'dynamo_endpoint' },
    inflight: 'inflight_requests',
    buckets: INFERENCE_BUCKETS,
    uptimeLabels: {},
  },
};

/** The label of `errors_total` and its closed set of values. */
export const ERROR_TYPE_LABEL = 'error_type';
export const ERROR_TYPE_VALUES: readonly ErrorType[] = ERROR_TYPES;

/**
 * The standard set, in the order in which a scrape shows it. The HELP texts are those of the system's documentation and a
 * contract; `inflight` takes its name from the scheme.
 */
export const STANDARD_METRICS = {
  cancellations: {
    type: 'counter',
    name: 'cancellation_total',
    help: 'Total number of requests cancelled by work handler',
  },
  inflight: {
    type: 'gauge',
    name: undefined,
    live: true,
    help: 'Number of requests currently being processed by work handler',
  },
  errors: {
    type: 'counter',
    name: 'errors_total',
    labelNames: [ERROR_TYPE_LABEL],
    help: 'Total number of errors in work handler processing',
  },
  requestBytes: {
    type: 'counter',
    name: 'request_bytes_total',
    help: 'Total number of bytes received in requests by work handler',
  },
  duration: {
    type: 'histogram',
    name: 'request_duration_seconds',
    help: 'Time spent processing requests by work handler',
  },
  requests: {
    type: 'counter',
    name: 'requests_total',
    help: 'Total number of requests processed by work handler',
  },
  responseBytes: {
    type: 'counter',
    name: 'response_bytes_total',
    help: 'Total number of bytes sent in responses by work handler',
  },
} as const;

export const UPTIME_METRIC = {
  name: 'uptime_seconds',
  help: 'Total uptime of the DistributedRuntime in seconds',
} as const;

/** What the library says of itself. Never prefixed, whatever the naming. */
export const SELF_METRICS = {
  droppedSamples: {
    name: 'profiled_dropped_samples_total',
    help: 'Total number of samples that could not be recorded, by metric and reason',
    labels: ['metric', 'reason'],
  },
  labelOverflow: {
    name: 'profiled_label_overflow_total',
    help: 'Total number of samples whose label value was beyond the limit of distinct values and became __other__',
    labels: ['metric', 'label'],
  },
  scrapeErrors: {
    name: 'profiled_scrape_errors_total',
    help: 'Total number of metrics left out of a scrape because their collection failed, by reason',
    labels: ['reason'],
  },
} as const;

/** Why a sample was dropped: the user's callback threw, the value was no usable number, a size could not be measured. */
export const DROP_REASONS = ['callback', 'value', 'unmeasurable'] as const;
export type DropReason = (typeof DROP_REASONS)[number];
