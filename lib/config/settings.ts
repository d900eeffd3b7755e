import type { LogLevel } from '../internal/logger';
import { accessSettings, OPEN_ACCESS } from './access';
import { pointLog } from './log-output';
import { type Picked, refuseProblems, Resolution } from './resolve';
import type { Secret } from './secret';
import { type DiscoveryBackend, type HealthStatus, type Naming, type RequestPlane, VARIABLES } from './variables';

export { DISCOVERY_BACKENDS, NAMINGS, REQUEST_PLANES, VARIABLES } from './variables';
export type { DiscoveryBackend, HealthStatus, Naming, RequestPlane } from './variables';

/** Where the metrics are served. It is no setting: Prometheus looks there. */
export const METRICS_PATH = '/metrics';

/** Everything that can be set from outside. `docs/configuration.md` names the variable of each. */
export interface Settings {
  readonly system: {
    /**
     * Whether the environment asks for the system server. A negative port makes it false whatever else is set, and so does a problem
     * with the settings of access: what was to be protected is not served without protection.
     */
    readonly enabled: boolean;
    /** 0 = any free port, -1 = off. @default 8081 */
    readonly port: number;
    /** The address to bind to. @default '0.0.0.0' */
    readonly host: string;
    /** @default '/health' */
    readonly healthPath: string;
    /** @default '/live' */
    readonly livePath: string;
    /** What `/health` says until the first endpoint is served. @default 'notready' */
    readonly startingHealthStatus: HealthStatus;
    /** Whether CPU, memory, event loop and GC of the process are exposed too. @default false */
    readonly processMetrics: boolean;
    /** The bearer token that a scrape has to bring. @default none is asked for */
    readonly authToken: Secret | undefined;
    /** The file that has the token, read once. @default none */
    readonly authTokenFile: string | undefined;
    /** The `user:password` that a scrape has to bring. @default none is asked for */
    readonly authBasic: Secret | undefined;
    /** The file of the server's certificate and those between it and its CA, PEM. @default plain HTTP */
    readonly tlsCertPath: string | undefined;
    /** The file of the certificate's private key, PEM. @default plain HTTP */
    readonly tlsKeyPath: string | undefined;
    /** What the private key is encrypted with. @default it is not */
    readonly tlsKeyPassphrase: Secret | undefined;
    /** The file of the CA certificates, PEM, of which every client needs one. @default clients need no certificate */
    readonly tlsClientCaPath: string | undefined;
    /** Whether a scrape shows the metrics of all cluster workers and worker threads. @default false */
    readonly aggregateWorkers: boolean;
    /** The label that says whose a series is, instead of one sum of all. @default none, the sum */
    readonly workerLabel: string | undefined;
  };
  readonly log: {
    /** @default 'off' */
    readonly level: LogLevel;
    /** JSON lines in place of readable ones. @default false */
    readonly jsonl: boolean;
  };
  readonly metrics: {
    /** @default 'plain' */
    readonly naming: Naming;
  };
  /** How requests reach a worker. @default 'tcp' */
  readonly requestPlane: RequestPlane;
  /** Where instances are made known. @default 'file', or 'mem' where the request plane is 'memory' */
  readonly discoveryBackend: DiscoveryBackend;
  /** The directory of the file backend, shared by all processes. @default '<temporary directory>/dynamo_store_kv' */
  readonly fileStore: string | undefined;
  /** The etcd backend. What is given here is checked when that is opened. */
  readonly etcd: {
    /** The members of the cluster, with commas between. @default 'http://localhost:2379' */
    readonly endpoints: string;
    /** Whom to log in as. @default nobody */
    readonly username: string | undefined;
    readonly password: Secret | undefined;
    /** Whom to trust over TLS, in PEM or as a path. @default those of Node */
    readonly ca: string | undefined;
    /** The certificate to show, in PEM or as a path. @default none */
    readonly clientCert: string | undefined;
    /** Its key, likewise. */
    readonly clientKey: Secret | undefined;
    /** How long an instance stays known after its process was last heard of, in milliseconds. @default 10000 */
    readonly leaseTtlMs: number;
  };
  readonly tcp: {
    /** The IP address to take requests on. @default the first address of this machine that is no loopback */
    readonly host: string | undefined;
    /** 0 = any free port. @default 0 */
    readonly port: number;
    /** The IP address to take responses on. @default as `host` */
    readonly responseHost: string | undefined;
    /** 0 = any free port. @default 0 */
    readonly responsePort: number;
    /** The largest request frame and the largest response frame, in bytes. @default 33554432, 32 MiB */
    readonly maxMessageBytes: number;
    /** How long a worker may take to acknowledge a request, in milliseconds. @default 5000 */
    readonly ackTimeoutMs: number;
    /** How long a connection may take to be opened, in milliseconds. @default 5000 */
    readonly connectTimeoutMs: number;
    /** Connections to one worker, at most. @default 100 */
    readonly poolSize: number;
    /** Connections that are being opened at once, to all workers together; further ones wait. @default 64 */
    readonly maxDials: number;
    /** Requests on one connection that are not acknowledged yet, at most. @default 1024 */
    readonly maxInFlight: number;
    /** How long an unused connection is kept, in milliseconds. @default 300000 */
    readonly idleTtlMs: number;
  };
  /** Of the request plane `nats`; the response plane is that of `tcp`. */
  readonly nats: {
    /** `nats://host:port` or `tls://host:port`; several with commas between are tried in turn. @default 'nats://localhost:4222' */
    readonly server: string | undefined;
    /** Goes with `password`, and before the other kinds of credentials. @default none */
    readonly username: string | undefined;
    readonly password: Secret | undefined;
    readonly token: Secret | undefined;
    /** The seed of a user's nkey. */
    readonly nkey: Secret | undefined;
    /** The path of a file with a JWT and a seed. */
    readonly credentialsFile: string | undefined;
    /** The path of a PEM file with the certificates to trust; makes TLS a must. @default those of Node */
    readonly tlsCaFile: string | undefined;
    /** Encrypts without looking at the server's certificate; makes TLS a must. @default false */
    readonly tlsInsecure: boolean;
    /** How long a worker may take to acknowledge a request, in milliseconds. @default 10000 */
    readonly ackTimeoutMs: number;
  };
  readonly worker: {
    /** Requests under way at once, for each endpoint; one more is refused. @default no limit */
    readonly maxConcurrentRequests: number | undefined;
    /** How long a drain lets running requests finish by themselves, in milliseconds. @default 30000 */
    readonly drainDeadlineMs: number;
  };
  readonly client: {
    /** How long an instance that failed is avoided, in milliseconds; 0 = not at all. @default 5000 */
    readonly inhibitedMs: number;
  };
}

/** `T` with everything optional, at every depth, and secrets as text. */
export type DeepPartial<T> = {
  readonly [K in keyof T]?: T[K] extends Secret | undefined ? string : T[K] extends object ? DeepPartial<T[K]> : T[K];
};

interface Resolved {
  readonly settings: Settings;
  readonly problems: readonly string[];
}

let memo: Resolved | undefined;

/** The settings of this process' environment, read at the first call. What can not be used is its default. Never throws. */
export function settings(): Settings {
  return ofEnvironment().settings;
}

/** What is wrong with the environment that {@link settings} read: one sentence for each variable, none when all is well. */
export function settingProblems(): readonly string[] {
  return ofEnvironment().problems;
}

/**
 * Settings by argument, environment and default, in this order. They are returned, not remembered.
 *
 * @throws PROFILED_CONFIG_INVALID, once, with every problem of arguments and environment in its message
 */
export function loadSettings(overrides: DeepPartial<Settings> = {}, env: NodeJS.ProcessEnv = process.env): Settings {
  const { settings: resolved, problems } = resolve(overrides, env);
  refuseProblems(problems);
  return resolved;
}

/** Forgets what {@link settings} read, for tests that change the environment. */
export function resetSettings(): void {
  memo = undefined;
}

/** Sets `variable` for the processes and threads that this one starts from now on: their environment is a copy of its own. */
export function handDown({ name }: { readonly name: string }, value: string): void {
  process.env[name] = value;
}

function ofEnvironment(): Resolved {
  if (!memo) {
    memo = resolve({}, process.env);
    pointLog(memo.settings.log);
  }
  return memo;
}

function resolve(overrides: DeepPartial<Settings>, env: NodeJS.ProcessEnv): Resolved {
  const resolution = new Resolution(overrides, env);
  const pick = resolution.pick.bind(resolution);
  const settings: Settings = {
    system: systemSettings(resolution),
    log: Object.freeze({ level: pick(VARIABLES.logLevel).value, jsonl: pick(VARIABLES.jsonl).value }),
    metrics: Object.freeze({ naming: pick(VARIABLES.naming).value }),
    ...reach(pick(VARIABLES.requestPlane), pick(VARIABLES.discoveryBackend)),
    fileStore: pick(VARIABLES.fileStore).value,
    etcd: etcdSettings(pick),
    tcp: Object.freeze({
      host: pick(VARIABLES.tcpHost).value,
      port: pick(VARIABLES.tcpPort).value,
      responseHost: pick(VARIABLES.tcpResponseHost).value,
      responsePort: pick(VARIABLES.tcpResponsePort).value,
      maxMessageBytes: pick(VARIABLES.tcpMaxMessage).value,
      ackTimeoutMs: pick(VARIABLES.tcpAckTimeout).value,
      connectTimeoutMs: pick(VARIABLES.tcpConnectTimeout).value,
      poolSize: pick(VARIABLES.tcpPoolSize).value,
      maxDials: pick(VARIABLES.tcpMaxDials).value,
      maxInFlight: pick(VARIABLES.tcpMaxInFlight).value,
      idleTtlMs: pick(VARIABLES.tcpIdleTtl).value,
    }),
    nats: natsSettings(pick),
    worker: Object.freeze({
      maxConcurrentRequests: pick(VARIABLES.maxConcurrentRequests).value,
      drainDeadlineMs: pick(VARIABLES.drainDeadline).value,
    }),
    client: Object.freeze({ inhibitedMs: pick(VARIABLES.inhibited).value }),
  };
  return { settings: Object.freeze(settings), problems: resolution.problems };
}

function systemSettings(resolution: Resolution): Settings['system'] {
  const pick = resolution.pick.bind(resolution);
  const access = accessSettings(resolution);
  return Object.freeze({
    ...listening(pick(VARIABLES.enabled), pick(VARIABLES.port), access !== undefined),
    host: pick(VARIABLES.host).value,
    ...paths(pick(VARIABLES.healthPath), pick(VARIABLES.livePath), resolution.problems),
    startingHealthStatus: pick(VARIABLES.startingHealthStatus).value,
    processMetrics: pick(VARIABLES.processMetrics).value,
    ...(access ?? OPEN_ACCESS),
    aggregateWorkers: pick(VARIABLES.aggregateWorkers).value,
    workerLabel: pick(VARIABLES.workerLabel).value,
  });
}

function etcdSettings(pick: Resolution['pick']): Settings['etcd'] {
  return Object.freeze({
    endpoints: pick(VARIABLES.etcdEndpoints).value,
    username: pick(VARIABLES.etcdUsername).value,
    password: pick(VARIABLES.etcdPassword).value,
    ca: pick(VARIABLES.etcdCa).value,
    clientCert: pick(VARIABLES.etcdClientCert).value,
    clientKey: pick(VARIABLES.etcdClientKey).value,
    leaseTtlMs: pick(VARIABLES.etcdLeaseTtl).value,
  });
}

function natsSettings(pick: Resolution['pick']): Settings['nats'] {
  return Object.freeze({
    server: pick(VARIABLES.natsServer).value,
    username: pick(VARIABLES.natsUsername).value,
    password: pick(VARIABLES.natsPassword).value,
    token: pick(VARIABLES.natsToken).value,
    nkey: pick(VARIABLES.natsNkey).value,
    credentialsFile: pick(VARIABLES.natsCredentials).value,
    tlsCaFile: pick(VARIABLES.natsTlsCa).value,
    tlsInsecure: pick(VARIABLES.natsTlsInsecure).value,
    ackTimeoutMs: pick(VARIABLES.natsAckTimeout).value,
  });
}

/** A port alone turns the server on, as in newer Dynamo releases; a negative one turns it off whatever else is set. */
function listening(enabled: Picked<boolean>, port: Picked<number>, isAccessSound: boolean) {
  const wanted = enabled.state === 'default' ? port.state === 'given' : enabled.value;
  return { enabled: wanted && port.value >= 0 && isAccessSound, port: port.value };
}

/** What stays in the process is made known in the process, unless told otherwise. */
function reach({ value: requestPlane }: Picked<RequestPlane>, discovery: Picked<DiscoveryBackend>) {
  const inProcess = requestPlane === 'memory' && discovery.state === 'default';
  return { requestPlane, discoveryBackend: inProcess ? ('mem' as const) : discovery.value };
}

function paths(health: Picked<string>, live: Picked<string>, problems: string[]) {
  const clash = clashOf(health, live);
  if (!clash) return { healthPath: health.value, livePath: live.value };
  problems.push(`${clash}. Give each of them a path of its own.`);
  return { healthPath: VARIABLES.healthPath.fallback, livePath: VARIABLES.livePath.fallback };
}

function clashOf(health: Picked<string>, live: Picked<string>): string | undefined {
  if (health.value === live.value) return `${health.source} and ${live.source} are both '${health.value}'`;
  const metrics = [health, live].find(({ value }) => value === METRICS_PATH);
  return metrics && `${metrics.source} is '${METRICS_PATH}', where the metrics are`;
}

// Lines that are written before anyone has asked for settings go where the environment says, too.
pointLog(resolve({}, process.env).settings.log);
