/**
 * Prometheus profiling for TypeScript work handlers.
 *
 * User API: decorate, serve, call, read. It follows semantic versioning.
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

export { Ingress, type IngressOptions, type ServableHandler } from './ingress/ingress';
export type { RequestSchema } from './ingress/schema';
export type { DrainOptions } from './ingress/drain';
export { DistributedRuntime } from './runtime/distributed-runtime';
export type { Component, Endpoint, EndpointBuilder, Namespace } from './runtime/target';
export type { ServedEndpoint, ServeOptions } from './runtime/served-endpoint';
export type { Client, ClientOptions, WaitOptions } from './runtime/client';
export type { CallOptions } from './runtime/call';
export type { Instance } from './discovery/discovery';

export { startSystemServer, systemServerInfo, type SystemServerOptions } from './server/system-server';
export type { SystemServer, SystemServerInfo } from './server/running-server';
export { createSystemRouter, type SystemRouterOptions } from './server/router';
export {
  createMetricsHandler,
  type CredentialOptions,
  type MetricsHandler,
  type MetricsHandlerOptions,
} from './server/metrics-handler';
export { createFetchHandler, type FetchHandler } from './server/fetch-handler';
export { pushMetrics } from './server/push/push';
export type { PushOptions } from './server/push/options';
export { aggregateWorkers, type AggregateOptions } from './server/aggregate-workers';
export type { ScrapeLimits } from './server/scrape-limits';
export { health, type Health } from './server/health';

export { getRegistry, useRegistry } from './metrics/store';
export { DEFAULT_BUCKETS, INFERENCE_BUCKETS } from './metrics/names';
export type { EndpointAddress, NamingOptions } from './metrics/standard';
export type { MetricsScope } from './metrics/scope';
export type { Counter, Gauge, Histogram, Summary, Vec } from './metrics/instruments';

export { ERROR_CODES, ERROR_TYPES, ProfiledError, type ErrorCode, type ErrorType } from './errors';
export type { DeepPartial, Naming, Settings } from './config/settings';

// ---------------------------------------------------------------------------------------------------------------------
// Integrator API: for those who build on the pieces (another transport, another front). It may change in a minor release.
export { endpointOf, type ProfiledEndpoint } from './profile/endpoint';
export { Recorder, type RecorderOptions } from './profile/recorder';
export type { Profile } from './profile/profile';
export type { SizeOf } from './profile/sizes';
export type { PayloadRun } from './ingress/payload-handler';
export type { Discovery, InstanceChange, InstanceFilter, Registration, Watch } from './discovery/discovery';
export { MemoryDiscovery } from './discovery/memory';
export type { RequestPlane, ResponsePlane } from './transports/transport';
export { memoryRequestPlane, memoryResponsePlane } from './transports/memory/planes';
