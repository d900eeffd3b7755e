import { ProfiledError } from '../../lib/errors';
import { Secret } from '../../lib/config/secret';
import { loadSettings, VARIABLES } from '../../lib/config/settings';

const load = (env: Record<string, string>, overrides = {}) => loadSettings(overrides, env);

function problemsOf(env: Record<string, string>, overrides: object = {}): string {
  try {
    loadSettings(overrides, env);
  } catch (error) {
    if (ProfiledError.is(error) && error.code === 'PROFILED_CONFIG_INVALID') return error.message;
    throw error;
  }
  throw new Error('expected PROFILED_CONFIG_INVALID');
}

test('an empty environment gives the documented defaults', () => {
  expect(load({})).toEqual({
    system: {
      enabled: false,
      port: 8081,
      host: '0.0.0.0',
      healthPath: '/health',
      livePath: '/live',
      startingHealthStatus: 'notready',
      processMetrics: false,
      authToken: undefined,
      authTokenFile: undefined,
      authBasic: undefined,
      tlsCertPath: undefined,
      tlsKeyPath: undefined,
      tlsKeyPassphrase: undefined,
      tlsClientCaPath: undefined,
      aggregateWorkers: false,
      workerLabel: undefined,
    },
    log: { level: 'off', jsonl: false },
    metrics: { naming: 'plain' },
    requestPlane: 'tcp',
    discoveryBackend: 'file',
    fileStore: undefined,
    etcd: {
      endpoints: 'http://localhost:2379',
      username: undefined,
      password: undefined,
      ca: undefined,
      clientCert: undefined,
      clientKey: undefined,
      leaseTtlMs: 10_000,
    },
    tcp: {
      host: undefined,
      port: 0,
      responseHost: undefined,
      responsePort: 0,
      maxMessageBytes: 33_554_432,
      ackTimeoutMs: 5_000,
      connectTimeoutMs: 5_000,
      poolSize: 100,
      maxDials: 64,
      maxInFlight: 1_024,
      idleTtlMs: 300_000,
    },
    nats: {
      server: undefined,
      username: undefined,
      password: undefined,
      token: undefined,
      nkey: undefined,
      credentialsFile: undefined,
      tlsCaFile: undefined,
      tlsInsecure: false,
      ackTimeoutMs: 10_000,
    },
    worker: { maxConcurrentRequests: undefined, drainDeadlineMs: 30_000 },
    client: { inhibitedMs: 5_000 },
  });
});

test('every variable reaches its setting', () => {
  const env = {
    DYN_SYSTEM_ENABLED: 'true',
    DYN_SYSTEM_PORT: '9090',
    DYN_SYSTEM_HOST: '127.0.0.1',
    DYN_SYSTEM_HEALTH_PATH: '/healthz',
    DYN_SYSTEM_LIVE_PATH: '/livez',
    DYN_SYSTEM_STARTING_HEALTH_STATUS: 'ready',
    DYN_SYSTEM_PROCESS_METRICS: 'yes',
    DYN_SYSTEM_AUTH_TOKEN: 't0ken',
    DYN_SYSTEM_TLS_CERT_PATH: '/tls/cert.pem',
    DYN_SYSTEM_TLS_KEY_PATH: '/tls/key.pem',
    DYN_SYSTEM_TLS_KEY_PASSPHRASE: 'open sesame',
    DYN_SYSTEM_TLS_CLIENT_CA_CERT_PATH: '/tls/ca.pem',
    DYN_SYSTEM_AGGREGATE_WORKERS: 'on',
    DYN_SYSTEM_WORKER_LABEL: 'process',
    DYN_LOG: 'debug',
    DYN_LOGGING_JSONL: '1',
    DYN_METRICS_NAMING: 'dynamo',
    DYN_REQUEST_PLANE: 'memory',
    DYN_DISCOVERY_BACKEND: 'file',
    DYN_FILE_KV: '/shared/store',
    ETCD_ENDPOINTS: 'http://a:2379,http://b:2379',
    ETCD_AUTH_USERNAME: 'worker',
    ETCD_AUTH_PASSWORD: 'secret',
    ETCD_AUTH_CA: '/tls/ca.pem',
    ETCD_AUTH_CLIENT_CERT: '/tls/cert.pem',
    ETCD_AUTH_CLIENT_KEY: '/tls/key.pem',
    ETCD_LEASE_TTL: '5',
    DYN_TCP_RPC_HOST: '10.0.0.1',
    DYN_TCP_RPC_PORT: '4001',
    DYN_TCP_RESPONSE_STREAM_HOST: '10.0.0.2',
    DYN_TCP_RESPONSE_STREAM_PORT: '4002',
    DYN_TCP_MAX_MESSAGE_SIZE: '2048',
    DYN_TCP_REQUEST_TIMEOUT: '1.5',
    DYN_TCP_CONNECT_TIMEOUT: '2',
    DYN_TCP_POOL_SIZE: '3',
    DYN_TCP_GLOBAL_CONNECT_LIMIT: '7',
    DYN_TCP_CHANNEL_BUFFER: '4',
    DYN_TCP_HOST_IDLE_TTL_SECS: '5',
    NATS_SERVER: 'tls://nats:4222',
    NATS_AUTH_USERNAME: 'u',
    NATS_AUTH_PASSWORD: 'p',
    NATS_AUTH_TOKEN: 't',
    NATS_AUTH_NKEY: 'SU',
    NATS_AUTH_CREDENTIALS_FILE: '/creds',
    NATS_TLS_CA_CERT_PATH: '/ca.pem',
    NATS_TLS_INSECURE: '1',
    DYN_NATS_REQUEST_TIMEOUT_SECS: '2.5',
    DYN_ENGINE_REQUEST_LIMIT: '6',
    DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT: '0',
    DYN_RUNTIME_INHIBITED_DURATION_SECS: '0',
  };
  // One way to ask for credentials excludes the others; `access.test.ts` has them.
  const others = ['DYN_SYSTEM_AUTH_TOKEN_FILE', 'DYN_SYSTEM_AUTH_BASIC'];
  expect([...Object.keys(env), ...others].sort()).toEqual(
    Object.values(VARIABLES)
      .map(({ name }) => name)
      .sort(),
  );
  expect(load(env)).toEqual({
    system: {
      enabled: true,
      port: 9090,
      host: '127.0.0.1',
      healthPath: '/healthz',
      livePath: '/livez',
      startingHealthStatus: 'ready',
      processMetrics: true,
      authToken: new Secret('t0ken'),
      authTokenFile: undefined,
      authBasic: undefined,
      tlsCertPath: '/tls/cert.pem',
      tlsKeyPath: '/tls/key.pem',
      tlsKeyPassphrase: new Secret('open sesame'),
      tlsClientCaPath: '/tls/ca.pem',
      aggregateWorkers: true,
      workerLabel: 'process',
    },
    log: { level: 'debug', jsonl: true },
    metrics: { naming: 'dynamo' },
    requestPlane: 'memory',
    discoveryBackend: 'file',
    fileStore: '/shared/store',
    etcd: {
      endpoints: 'http://a:2379,http://b:2379',
      username: 'worker',
      password: new Secret('secret'),
      ca: '/tls/ca.pem',
      clientCert: '/tls/cert.pem',
      clientKey: new Secret('/tls/key.pem'),
      leaseTtlMs: 5_000,
    },
    tcp: {
      host: '10.0.0.1',
      port: 4001,
      responseHost: '10.0.0.2',
      responsePort: 4002,
      maxMessageBytes: 2_048,
      ackTimeoutMs: 1_500,
      connectTimeoutMs: 2_000,
      poolSize: 3,
      maxDials: 7,
      maxInFlight: 4,
      idleTtlMs: 5_000,
    },
    nats: {
      server: 'tls://nats:4222',
      username: 'u',
      password: new Secret('p'),
      token: new Secret('t'),
      nkey: new Secret('SU'),
      credentialsFile: '/creds',
      tlsCaFile: '/ca.pem',
      tlsInsecure: true,
      ackTimeoutMs: 2_500,
    },
    worker: { maxConcurrentRequests: 6, drainDeadlineMs: 0 },
    client: { inhibitedMs: 0 },
  });
});

test('what stays in the process is made known in the process, unless told otherwise', () => {
  expect(load({ DYN_REQUEST_PLANE: 'memory' }).discoveryBackend).toBe('mem');
  expect(load({}, { requestPlane: 'memory' }).discoveryBackend).toBe('mem');
  expect(load({ DYN_REQUEST_PLANE: 'memory', DYN_DISCOVERY_BACKEND: 'file' }).discoveryBackend).toBe('file');
});

test.each([
  ['DYN_TCP_RPC_PORT', '65536', 'a whole number from 0 to 65535'],
  ['DYN_TCP_RPC_PORT', '-1', 'a whole number from 0 to 65535'],
  ['DYN_TCP_POOL_SIZE', '0', 'a whole number of 1 or more'],
  ['DYN_TCP_REQUEST_TIMEOUT', '0', 'a number of more than 0 (seconds in a variable, milliseconds in an option)'],
  ['DYN_TCP_REQUEST_TIMEOUT', '2147484', 'a number of more than 0'],
  ['DYN_TCP_REQUEST_TIMEOUT', '5s', 'a number of more than 0'],
  ['DYN_SYSTEM_WORKER_LABEL', 'le', 'a label name'],
  ['DYN_SYSTEM_WORKER_LABEL', '__name__', 'a label name'],
  ['DYN_SYSTEM_WORKER_LABEL', 'a-b', 'a label name'],
  ['DYN_ENGINE_REQUEST_LIMIT', '1.5', 'a whole number of 1 or more. Correct it, or leave it out for the default.'],
])('%s = %s is refused', (name, value, expected) => {
  expect(problemsOf({ [name]: value })).toContain(`${name} is '${value}'; expected ${expected}`);
});

test('a duration is whole milliseconds, up to the longest timer', () => {
  expect(load({ DYN_TCP_CONNECT_TIMEOUT: '8.2009' }).tcp.connectTimeoutMs).toBe(8_201);
  expect(load({ DYN_TCP_CONNECT_TIMEOUT: '2147483.647' }).tcp.connectTimeoutMs).toBe(2 ** 31 - 1);
  expect(problemsOf({}, { tcp: { connectTimeoutMs: 2 ** 31 - 0.5 } })).toContain('option `tcp.connectTimeoutMs`');
});

test.each(['1', 'true', 'TRUE', 'on', 'On', 'yes', ' yes '])('boolean %j is true', (text) => {
  expect(load({ DYN_SYSTEM_PROCESS_METRICS: text }).system.processMetrics).toBe(true);
});

test.each(['0', 'false', 'False', 'off', 'NO', '', '   '])('boolean %j is false', (text) => {
  expect(load({ DYN_SYSTEM_PROCESS_METRICS: text }).system.processMetrics).toBe(false);
});

test.each([
  [{}, false, 8081],
  [{ DYN_SYSTEM_ENABLED: 'true' }, true, 8081],
  [{ DYN_SYSTEM_PORT: '9090' }, true, 9090],
  [{ DYN_SYSTEM_PORT: '0' }, true, 0],
  [{ DYN_SYSTEM_PORT: '-1' }, false, -1],
  [{ DYN_SYSTEM_PORT: '-42' }, false, -1],
  [{ DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_PORT: '-1' }, false, -1],
  [{ DYN_SYSTEM_ENABLED: 'false', DYN_SYSTEM_PORT: '9090' }, false, 9090],
  [{ DYN_SYSTEM_ENABLED: '', DYN_SYSTEM_PORT: '' }, false, 8081],
  [{ DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_PORT: '65535' }, true, 65535],
])('%j means enabled=%s, port %i', (env, enabled, port) => {
  expect(load(env as Record<string, string>).system).toMatchObject({ enabled, port });
});

test.each(['80a', '65536', '1.5', '0x50', '1e3', '+80'])('port %j is refused with the way out', (text) => {
  const message = problemsOf({ DYN_SYSTEM_PORT: text });
  expect(message).toContain(`DYN_SYSTEM_PORT is '${text}'`);
  expect(message).toMatch(/from 0 .* to 65535.*default, 8081/);
});

test.each([
  ['0', 'off'],
  ['false', 'off'],
  ['OFF', 'off'],
  ['1', 'info'],
  ['true', 'info'],
  ['Debug', 'debug'],
  ['debug,hyper=warn', 'debug'],
  ['hyper=warn, error', 'error'],
  ['hyper=warn', 'off'],
  ['warn,my_target', 'warn'],
])('DYN_LOG=%s is level %s', (text, level) => {
  expect(load({ DYN_LOG: text }).log.level).toBe(level);
});

test.each(['verbose', '2', 'debug;info'])('DYN_LOG=%s is refused', (text) => {
  expect(problemsOf({ DYN_LOG: text })).toContain(`DYN_LOG is '${text}'`);
});

test('two bad variables are both reported, in one error', () => {
  const message = problemsOf({ DYN_SYSTEM_ENABLED: 'maybe', DYN_SYSTEM_PORT: 'eighty', DYN_LOG: 'debug' });
  expect(message).toMatch(/DYN_SYSTEM_ENABLED is 'maybe'; expected one of 1, true, on, yes, 0, false, off, no/);
  expect(message).toMatch(/DYN_SYSTEM_PORT is 'eighty'/);
  expect(message).not.toContain('DYN_LOG');
});

test.each([
  ['DYN_REQUEST_PLANE', 'udp', 'one of tcp, nats, memory'],
  ['DYN_DISCOVERY_BACKEND', 'kubernetes', 'etcd'],
  ['DYN_METRICS_NAMING', 'camel', 'plain, dynamo'],
  ['DYN_SYSTEM_STARTING_HEALTH_STATUS', 'healthy', 'ready, notready'],
])('%s=%s is refused and lists %s', (name, value, supported) => {
  expect(problemsOf({ [name]: value })).toMatch(new RegExp(`${name} is '${value}'; expected .*${supported}`));
});

test.each([
  [{ DYN_SYSTEM_HEALTH_PATH: 'health' }, "DYN_SYSTEM_HEALTH_PATH is 'health'; expected a path that begins with /"],
  [{ DYN_SYSTEM_LIVE_PATH: '/a b' }, "DYN_SYSTEM_LIVE_PATH is '/a b'"],
  [{ DYN_SYSTEM_HEALTH_PATH: '/metrics' }, "DYN_SYSTEM_HEALTH_PATH is '/metrics', where the metrics are"],
  [{ DYN_SYSTEM_LIVE_PATH: '/metrics' }, "DYN_SYSTEM_LIVE_PATH is '/metrics'"],
  [
    { DYN_SYSTEM_LIVE_PATH: '/health' },
    "the default of DYN_SYSTEM_HEALTH_PATH and DYN_SYSTEM_LIVE_PATH are both '/health'",
  ],
  [{ DYN_SYSTEM_HEALTH_PATH: '/x', DYN_SYSTEM_LIVE_PATH: '/x' }, "are both '/x'"],
])('paths %j are refused', (env, text) => {
  expect(problemsOf(env as Record<string, string>)).toContain(text);
});

test('the two paths may be swapped', () => {
  const { system } = load({ DYN_SYSTEM_HEALTH_PATH: '/live', DYN_SYSTEM_LIVE_PATH: '/health' });
  expect(system).toMatchObject({ healthPath: '/live', livePath: '/health' });
});

test('an argument goes before the environment, and the environment before the default', () => {
  const { system } = load({ DYN_SYSTEM_PORT: '9090', DYN_SYSTEM_HOST: '::1' }, { system: { port: 7070 } });
  expect(system).toMatchObject({ port: 7070, host: '::1', livePath: '/live' });
});

test('an argument that is undefined is not given', () => {
  expect(load({ DYN_SYSTEM_PORT: '9090' }, { system: { port: undefined } }).system.port).toBe(9090);
});

test('a good argument hides a bad variable', () => {
  expect(load({ DYN_SYSTEM_PORT: 'x' }, { system: { port: 7070 } }).system.port).toBe(7070);
});

test.each([
  [{ system: { port: '80' } }, "option `system.port` is '80'; expected a whole number"],
  [{ system: { port: 1.5 } }, 'option `system.port` is 1.5'],
  [{ system: { port: 70_000 } }, 'option `system.port` is 70000'],
  [{ system: { enabled: 'yes' } }, "option `system.enabled` is 'yes'"],
  [{ system: { host: '' } }, "option `system.host` is ''"],
  [{ system: { host: 'http://x' } }, 'option `system.host`'],
  [
    { system: { healthPath: '/x', livePath: '/x' } },
    'option `system.healthPath` and option `system.livePath` are both',
  ],
  [{ log: { level: 'loud' } }, 'option `log.level`'],
  [{ metrics: { naming: null } }, 'option `metrics.naming` is null'],
  [{ system: { prot: 1 } }, 'option `system.prot` is unknown'],
  [{ system: 8081 }, 'option `system` is 8081; expected an object'],
  [{ requestPlane: 'udp' }, "option `requestPlane` is 'udp'; expected one of tcp, nats, memory"],
  [{ nats: { server: 4222 } }, 'option `nats.server` is 4222; expected a URL of a NATS server'],
  [{ nats: { password: 4711 } }, 'option `nats.password` is a secret that is not shown; expected a text'],
])('overrides %j are refused by name of the option', (overrides, text) => {
  expect(problemsOf({}, overrides)).toContain(text);
});

test('settings are frozen and what was passed is left as it was', () => {
  const overrides = { system: { port: 1 } };
  const settings = load({}, overrides);
  expect(Object.isFrozen(settings) && Object.isFrozen(settings.system)).toBe(true);
  expect(overrides).toEqual({ system: { port: 1 } });
  expect(Object.isFrozen(overrides.system)).toBe(false);
});
