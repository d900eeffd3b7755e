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
  /** Put before the names of the request plane's metrics, whatever `prefix` says. */
  readonly planePrefix: string;
  /** Labels of `uptime_seconds`. */
  readonly uptimeLabels: Readonly<Record<string, string>>;
}

export const NAMING_SCHEMES: Readonly<Record<Naming, NamingScheme>> = {
  plain: {
    prefix: '',
    labels: { namespace: 'namespace', component: 'component', endpoint: 'endpoint' },
    inflight: 'concurrent_requests',
    buckets: DEFAULT_BUCKETS,
    planePrefix: '',
    uptimeLabels: { namespace: 'http_server' },
  },
  dynamo: {
    prefix: 'dynamo_component_',
    labels: { namespace: 'dynamo_namespace', component: 'dynamo_component', endpoint: 'dynamo_endpoint' },
    inflight: 'inflight_requests',
    buckets: INFERENCE_BUCKETS,
    planePrefix: 'dynamo_',
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

/** How a request can end; `lib/profile/outcome.ts` says what each means. */
export const OUTCOMES = ['success', 'error', 'cancelled', 'abandoned'] as const;
export const OUTCOME_LABEL = 'outcome';

/** Whom a stream waits for. */
export const SIDES = ['handler', 'consumer'] as const;
export const SIDE_LABEL = 'side';

/**
 * The streaming set, in the order of a scrape: made for an endpoint when its handler first returns a stream. `docs/metrics.md`
 * defines each of them.
 */
export const STREAM_METRICS = {
  firstResponse: {
    type: 'histogram',
    name: 'time_to_first_response_seconds',
    help: 'Time from the arrival of a request until the first item of its stream was handed on, in seconds',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60],
  },
  interResponse: {
    type: 'histogram',
    name: 'inter_response_seconds',
    help: 'Time between two consecutive items of one stream that were handed on, in seconds',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  items: {
    type: 'counter',
    name: 'response_items_total',
    help: 'Total number of items of streams that were handed on by work handler',
  },
  outcomes: {
    type: 'counter',
    name: 'stream_outcomes_total',
    labelNames: [OUTCOME_LABEL],
    help: 'Total number of streams that ended, by the way in which they ended',
  },
  lastProgress: {
    type: 'gauge',
    name: 'last_progress_timestamp_seconds',
    aggregator: 'max',
    help: 'Unix time at which the last item of any stream was handed on, in seconds',
  },
  waits: {
    type: 'counter',
    name: 'stream_wait_seconds_total',
    labelNames: [SIDE_LABEL],
    help: 'Total time that streams have waited for their handler or for their consumer, in seconds',
  },
} as const;

/** What the preset `inference` adds to the bounds of `time_to_first_response_seconds`: a model may have a queue before it. */
export const INFERENCE_FIRST_RESPONSE_BUCKETS: readonly number[] = [
  ...STREAM_METRICS.firstResponse.buckets,
  120,
  300,
  600,
];

/** Why a call over the limit of its handler is refused. */
export const REJECTION_REASONS = ['queue_full', 'timeout'] as const;
export const REJECTION_LABEL = 'reason';

/** What a handler with a limit (`maxConcurrent`) has besides, in the order of a scrape. */
export const ADMISSION_METRICS = {
  queued: {
    type: 'gauge',
    name: 'queued_requests',
    live: true,
    help: 'Number of requests that wait until work handler has room for them',
  },
  queueWait: {
    type: 'histogram',
    name: 'queue_wait_seconds',
    help: 'Time from the arrival of a request until work handler had room for it, in seconds',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  rejected: {
    type: 'counter',
    name: 'rejected_requests_total',
    labelNames: [REJECTION_LABEL],
    help: 'Total number of requests refused because as many as work handler is allowed were under way, by reason',
  },
} as const;

/** What the worker's side of the request plane says of the whole process, without labels; in the order of a scrape. */
export const PLANE_METRICS = {
  transit: {
    type: 'histogram',
    name: 'work_handler_network_transit_seconds',
    help: 'Time from the send of a stamped request until its receipt, across the clocks of two machines, in seconds',
    buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
  },
  firstResponse: {
    type: 'histogram',
    name: 'work_handler_time_to_first_response_seconds',
    help: 'Time from the begin of a request until the prologue of its response was handed on, in seconds',
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  queued: {
    type: 'gauge',
    name: 'work_handler_queue_depth',
    live: true,
    help: 'Number of requests that were accepted and have not begun yet',
  },
  active: {
    type: 'gauge',
    name: 'work_handler_pool_active_tasks',
    live: true,
    help: 'Number of requests that have begun and whose response connection is not closed yet',
  },
  overloaded: {
    type: 'counter',
    name: 'rejection_request_total',
    help: 'Total number of requests refused because as many as are allowed were under way',
  },
  unavailable: {
    type: 'counter',
    name: 'work_handler_enqueue_rejected_total',
    help: 'Total number of requests refused because their endpoint was being drained',
  },
} as const;

/** The sum of the limits of served endpoints; there only while one of them has a limit. */
export const PLANE_CAPACITY_METRIC = {
  type: 'gauge',
  name: 'work_handler_pool_capacity',
  live: true,
  help: 'Number of requests that endpoints with a limit let be under way at once',
} as const;

/** Why a request server refuses what it can not give to an endpoint. */
export const REFUSAL_REASONS = ['unknown_endpoint', 'invalid', 'incomplete', 'overloaded'] as const;

/** Those refusals, which upstream does not count; the one metric of the request plane with a label. */
export const PLANE_REFUSALS_METRIC = {
  type: 'counter',
  name: 'request_plane_refused_total',
  labelNames: ['reason'],
  help: 'Total number of requests refused before they reached an endpoint, by reason',
} as const;

export const UPTIME_METRIC = {
  name: 'uptime_seconds',
  help: 'Total uptime of the DistributedRuntime in seconds',
} as const;

/** What the library says of itself. Never prefixed, whatever the naming. */
export const SELF_METRICS = {
  droppedSamples: {
    type: 'counter',
    name: 'profiled_dropped_samples_total',
    help: 'Total number of samples that could not be recorded, by metric and reason',
    labels: ['metric', 'reason'],
  },
  labelOverflow: {
    type: 'counter',
    name: 'profiled_label_overflow_total',
    help: 'Total number of samples whose label value was beyond the limit of distinct values and became __other__',
    labels: ['metric', 'label'],
  },
  scrapeErrors: {
    type: 'counter',
    name: 'profiled_scrape_errors_total',
    help: 'Total number of metrics, or of answers of workers, that a scrape had to leave out, by reason',
    labels: ['reason'],
  },
  scrapeDuration: {
    type: 'histogram',
    name: 'profiled_scrape_duration_seconds',
    help: 'Time from the arrival of a scrape until its answer was ready to be sent, in seconds',
    labels: [],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  scrapesInFlight: {
    type: 'gauge',
    name: 'profiled_scrapes_in_flight',
    live: true,
    help: 'Number of scrapes that are being answered, this one too',
    labels: [],
  },
} as const;

/** Why a sample was dropped: the user's callback threw, the value was no usable number, a size could not be measured. */
export const DROP_REASONS = ['callback', 'value', 'unmeasurable'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/**
 * Why something is missing from a scrape: a metric failed or took too long, a worker gave no answer, or workers define a metric
 * differently.
 */
export const SCRAPE_ERROR_REASONS = ['error', 'timeout', 'worker', 'conflict'] as const;
export type ScrapeErrorReason = (typeof SCRAPE_ERROR_REASONS)[number];
