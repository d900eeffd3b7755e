import type { LogLevel } from '../internal/logger';
import { flag, host, logLevel, oneOf, path, port, type Reader } from './readers';

/** The two sets of metric names: `plain` is the documented one, `dynamo` what today's NVIDIA Dynamo workers expose. */
export const NAMINGS = ['plain', 'dynamo'] as const;
export type Naming = (typeof NAMINGS)[number];

/** How requests can reach a worker. */
export const REQUEST_PLANES = ['memory'] as const;
export type RequestPlane = (typeof REQUEST_PLANES)[number];

/** Where instances of endpoints can be made known. */
export const DISCOVERY_BACKENDS = ['mem'] as const;
export type DiscoveryBackend = (typeof DISCOVERY_BACKENDS)[number];

/** What `/health` can say. */
export const HEALTH_STATUSES = ['ready', 'notready'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** One environment variable and the option that goes before it. */
export interface Variable<T> {
  readonly name: string;
  /** The path of the option in `Settings`. */
  readonly option: string;
  readonly reader: Reader<T>;
  /** What holds when neither is given. */
  readonly fallback: T;
}

/** Every environment variable that this package reads. `docs/configuration.md` lists the same ones. */
export const VARIABLES = {
  enabled: variable('DYN_SYSTEM_ENABLED', 'system.enabled', flag, false),
  port: variable('DYN_SYSTEM_PORT', 'system.port', port, 8081),
  host: variable('DYN_SYSTEM_HOST', 'system.host', host, '0.0.0.0'),
  healthPath: variable('DYN_SYSTEM_HEALTH_PATH', 'system.healthPath', path, '/health'),
  livePath: variable('DYN_SYSTEM_LIVE_PATH', 'system.livePath', path, '/live'),
  startingHealthStatus: variable<HealthStatus>(
    'DYN_SYSTEM_STARTING_HEALTH_STATUS',
    'system.startingHealthStatus',
    oneOf(HEALTH_STATUSES),
    'notready',
  ),
  processMetrics: variable('DYN_SYSTEM_PROCESS_METRICS', 'system.processMetrics', flag, false),
  logLevel: variable<LogLevel>('DYN_LOG', 'log.level', logLevel, 'off'),
  jsonl: variable('DYN_LOGGING_JSONL', 'log.jsonl', flag, false),
  naming: variable<Naming>('DYN_METRICS_NAMING', 'metrics.naming', oneOf(NAMINGS), 'plain'),
  requestPlane: variable<RequestPlane>('DYN_REQUEST_PLANE', 'requestPlane', oneOf(REQUEST_PLANES), 'memory'),
  discoveryBackend: variable<DiscoveryBackend>(
    'DYN_DISCOVERY_BACKEND',
    'discoveryBackend',
    oneOf(DISCOVERY_BACKENDS),
    'mem',
  ),
} as const;

function variable<T>(name: string, option: string, reader: Reader<T>, fallback: T): Variable<T> {
  return { name, option, reader, fallback };
}
