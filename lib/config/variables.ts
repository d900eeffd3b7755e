import type { LogLevel } from '../internal/logger';
import {
  count,
  duration,
  file,
  flag,
  folder,
  host,
  labelName,
  logLevel,
  oneOf,
  passphrase,
  path,
  port,
  type Reader,
  text,
  token,
  userAndPassword,
} from './readers';
import type { Secret } from './secret';

/** The two sets of metric names: `plain` is the documented one, `dynamo` what today's NVIDIA Dynamo workers expose. */
export const NAMINGS = ['plain', 'dynamo'] as const;
export type Naming = (typeof NAMINGS)[number];

/** How requests can reach a worker. */
export const REQUEST_PLANES = ['tcp', 'nats', 'memory'] as const;
export type RequestPlane = (typeof REQUEST_PLANES)[number];

/** Where instances of endpoints can be made known. */
export const DISCOVERY_BACKENDS = ['file', 'etcd', 'mem'] as const;
export type DiscoveryBackend = (typeof DISCOVERY_BACKENDS)[number];

/** What `/health` can say. */
export const HEALTH_STATUSES = ['ready', 'notready'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** One environment variable and the option that goes before it. */
export interface Variable<T> {
  readonly name: string;
  /** The path of the option in `Settings`. */
  readonly option: string;
  readonly reader: Reader<NonNullable<T>>;
  /** What holds when neither is given. */
  readonly fallback: T;
}

const PEM = 'PEM, or the path of a file of it';

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
  authToken: variable<Secret | undefined>('DYN_SYSTEM_AUTH_TOKEN', 'system.authToken', token, undefined),
  authTokenFile: variable<string | undefined>('DYN_SYSTEM_AUTH_TOKEN_FILE', 'system.authTokenFile', file, undefined),
  authBasic: variable<Secret | undefined>('DYN_SYSTEM_AUTH_BASIC', 'system.authBasic', userAndPassword, undefined),
  tlsCertPath: variable<string | undefined>('DYN_SYSTEM_TLS_CERT_PATH', 'system.tlsCertPath', file, undefined),
  tlsKeyPath: variable<string | undefined>('DYN_SYSTEM_TLS_KEY_PATH', 'system.tlsKeyPath', file, undefined),
  tlsKeyPassphrase: variable<Secret | undefined>(
    'DYN_SYSTEM_TLS_KEY_PASSPHRASE',
    'system.tlsKeyPassphrase',
    passphrase,
    undefined,
  ),
  tlsClientCaPath: variable<string | undefined>(
    'DYN_SYSTEM_TLS_CLIENT_CA_CERT_PATH',
    'system.tlsClientCaPath',
    file,
    undefined,
  ),
  aggregateWorkers: variable('DYN_SYSTEM_AGGREGATE_WORKERS', 'system.aggregateWorkers', flag, false),
  workerLabel: variable<string | undefined>('DYN_SYSTEM_WORKER_LABEL', 'system.workerLabel', labelName, undefined),
  logLevel: variable<LogLevel>('DYN_LOG', 'log.level', logLevel, 'off'),
  jsonl: variable('DYN_LOGGING_JSONL', 'log.jsonl', flag, false),
  naming: variable<Naming>('DYN_METRICS_NAMING', 'metrics.naming', oneOf(NAMINGS), 'plain'),
  requestPlane: variable<RequestPlane>('DYN_REQUEST_PLANE', 'requestPlane', oneOf(REQUEST_PLANES), 'tcp'),
  discoveryBackend: variable<DiscoveryBackend>(
    'DYN_DISCOVERY_BACKEND',
    'discoveryBackend',
    oneOf(DISCOVERY_BACKENDS),
    'file',
  ),
  fileStore: variable<string | undefined>('DYN_FILE_KV', 'fileStore', folder, undefined),
  etcdEndpoints: variable(
    'ETCD_ENDPOINTS',
    'etcd.endpoints',
    text('URLs with commas between'),
    'http://localhost:2379',
  ),
  etcdUsername: variable<string | undefined>('ETCD_AUTH_USERNAME', 'etcd.username', text('a name'), undefined),
  etcdPassword: variable<Secret | undefined>('ETCD_AUTH_PASSWORD', 'etcd.password', passphrase, undefined),
  etcdCa: variable<string | undefined>('ETCD_AUTH_CA', 'etcd.ca', text(PEM), undefined),
  etcdClientCert: variable<string | undefined>('ETCD_AUTH_CLIENT_CERT', 'etcd.clientCert', text(PEM), undefined),
  etcdClientKey: variable<Secret | undefined>('ETCD_AUTH_CLIENT_KEY', 'etcd.clientKey', passphrase, undefined),
  etcdLeaseTtl: variable('ETCD_LEASE_TTL', 'etcd.leaseTtlMs', duration(1), 10_000),
  tcpHost: variable<string | undefined>('DYN_TCP_RPC_HOST', 'tcp.host', host, undefined),
  tcpPort: variable('DYN_TCP_RPC_PORT', 'tcp.port', count(0, 65_535), 0),
  tcpResponseHost: variable<string | undefined>('DYN_TCP_RESPONSE_STREAM_HOST', 'tcp.responseHost', host, undefined),
  tcpResponsePort: variable('DYN_TCP_RESPONSE_STREAM_PORT', 'tcp.responsePort', count(0, 65_535), 0),
  tcpMaxMessage: variable('DYN_TCP_MAX_MESSAGE_SIZE', 'tcp.maxMessageBytes', count(1024, 2 ** 32 - 1), 33_554_432),
  tcpAckTimeout: variable('DYN_TCP_REQUEST_TIMEOUT', 'tcp.ackTimeoutMs', duration(1), 5_000),
  tcpConnectTimeout: variable('DYN_TCP_CONNECT_TIMEOUT', 'tcp.connectTimeoutMs', duration(1), 5_000),
  tcpPoolSize: variable('DYN_TCP_POOL_SIZE', 'tcp.poolSize', count(1), 100),
  tcpMaxDials: variable('DYN_TCP_GLOBAL_CONNECT_LIMIT', 'tcp.maxDials', count(1), 64),
  tcpMaxInFlight: variable('DYN_TCP_CHANNEL_BUFFER', 'tcp.maxInFlight', count(1), 1_024),
  tcpIdleTtl: variable('DYN_TCP_HOST_IDLE_TTL_SECS', 'tcp.idleTtlMs', duration(1), 300_000),
  natsServer: variable<string | undefined>('NATS_SERVER', 'nats.server', text('a URL of a NATS server'), undefined),
  natsUsername: variable<string | undefined>('NATS_AUTH_USERNAME', 'nats.username', text('a name'), undefined),
  natsPassword: variable<Secret | undefined>('NATS_AUTH_PASSWORD', 'nats.password', passphrase, undefined),
  natsToken: variable<Secret | undefined>('NATS_AUTH_TOKEN', 'nats.token', passphrase, undefined),
  natsNkey: variable<Secret | undefined>('NATS_AUTH_NKEY', 'nats.nkey', passphrase, undefined),
  natsCredentials: variable<string | undefined>('NATS_AUTH_CREDENTIALS_FILE', 'nats.credentialsFile', file, undefined),
  natsTlsCa: variable<string | undefined>('NATS_TLS_CA_CERT_PATH', 'nats.tlsCaFile', file, undefined),
  natsTlsInsecure: variable('NATS_TLS_INSECURE', 'nats.tlsInsecure', flag, false),
  natsAckTimeout: variable('DYN_NATS_REQUEST_TIMEOUT_SECS', 'nats.ackTimeoutMs', duration(1), 10_000),
  maxConcurrentRequests: variable<number | undefined>(
    'DYN_ENGINE_REQUEST_LIMIT',
    'worker.maxConcurrentRequests',
    count(1),
    undefined,
  ),
  drainDeadline: variable('DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT', 'worker.drainDeadlineMs', duration(0), 30_000),
  inhibited: variable('DYN_RUNTIME_INHIBITED_DURATION_SECS', 'client.inhibitedMs', duration(0), 5_000),
} as const;

function variable<T>(name: string, option: string, reader: Reader<NonNullable<T>>, fallback: T): Variable<T> {
  return { name, option, reader, fallback };
}
