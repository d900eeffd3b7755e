/**
 * Prometheus profiling for TypeScript work handlers.
 *
 * User API: decorate, serve, read. Everything here follows semantic versioning.
 */
export { Profiled, type Handler, type ProfiledOptions } from '../decorators/profiled';
export { CustomMetric } from '../decorators/custom-metric';
export { profiled, type FunctionFormOptions } from '../decorators/function-form';
export type { CustomMetricOptions, MetricEvent, MetricMoment } from './profile/custom-metric';
export type { Outcome } from './profile/outcome';

export { Annotated, type AnnotatedError, type AnnotatedFields } from './engine/annotated';
export { Context, type ContextOptions, type SingleIn } from './engine/context';
export type { AsyncEngine, ManyOut } from './engine/engine';
export { ResponseStream } from './engine/response-stream';

export { getRegistry, useRegistry } from './metrics/store';
export { DEFAULT_BUCKETS, INFERENCE_BUCKETS, type Naming } from './metrics/names';
export type { EndpointAddress, NamingOptions } from './metrics/standard';
export type { MetricsScope } from './metrics/scope';
export type { Counter, Gauge, Histogram, Summary, Vec } from './metrics/instruments';

export { ERROR_CODES, ERROR_TYPES, ProfiledError, type ErrorCode, type ErrorType } from './errors';
