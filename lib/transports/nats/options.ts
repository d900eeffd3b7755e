import { inspect } from 'node:util';
import { ProfiledError } from '../../errors';
import { MAX_TIMER_MS } from '../../internal/clock';

/** Settings of the NATS request plane. In brackets: the variable that users know each by. */
export interface NatsOptions {
  /**
   * The server, `nats://host:port` or `tls://host:port`; several with commas between are tried in turn (NATS_SERVER).
   * @default 'nats://localhost:4222'
   */
  readonly server?: string | undefined;
  /** With `password` (NATS_AUTH_USERNAME). Goes before the other kinds of credentials, which are tried in this order. */
  readonly username?: string | undefined;
  /** NATS_AUTH_PASSWORD */
  readonly password?: string | undefined;
  /** NATS_AUTH_TOKEN */
  readonly token?: string | undefined;
  /** The seed of a user's nkey, `SU...` (NATS_AUTH_NKEY). */
  readonly nkey?: string | undefined;
  /** A file with a JWT and the seed of its nkey (NATS_AUTH_CREDENTIALS_FILE). */
  readonly credentialsFile?: string | undefined;
  /** A file with the certificates to trust, PEM; makes TLS a must (NATS_TLS_CA_CERT_PATH). @default those of Node */
  readonly tlsCaFile?: string | undefined;
  /** Encrypts without looking at the server's certificate; makes TLS a must (NATS_TLS_INSECURE). @default false */
  readonly tlsInsecure?: boolean | undefined;
  /** How long opening a connection may take, and how long a request waits for one that was lost, in milliseconds. @default 5000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How often the server is asked whether it is there; two questions without an answer end the connection. @default 5000 */
  readonly pingIntervalMs?: number | undefined;
}

/** {@link NatsOptions}, checked. */
export interface ResolvedNatsOptions extends NatsOptions {
  readonly servers: readonly NatsServer[];
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
}

/** One server of a list. */
export interface NatsServer {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

const DEFAULT_PORT = 4222;

/** @throws PROFILED_CONFIG_INVALID for the first option that can not be used */
export function resolveNatsOptions(options: NatsOptions = {}): ResolvedNatsOptions {
  if ((options.username === undefined) !== (options.password === undefined)) {
    throw invalid(
      '`username` (NATS_AUTH_USERNAME) and `password` (NATS_AUTH_PASSWORD) belong together; one is missing',
    );
  }
  return Object.freeze({
    ...options,
    servers: (options.server ?? 'nats://localhost:4222').split(',').map((url) => parseServer(url.trim())),
    connectTimeoutMs: checkMs('connectTimeoutMs', options.connectTimeoutMs ?? 5_000),
    pingIntervalMs: checkMs('pingIntervalMs', options.pingIntervalMs ?? 5_000),
  });
}

function parseServer(text: string): NatsServer {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.username !== '' || url.password !== '')) {
    throw invalid('`server` (NATS_SERVER) holds credentials; put them into NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD');
  }
  if (!url || !/^(nats|tls):$/.test(url.protocol) || url.hostname === '') {
    const expected = 'must be of the form nats://host:port or tls://host:port, several with commas between';
    throw invalid(`\`server\` (NATS_SERVER) ${expected}, got ${inspect(text)}`);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(url.port || DEFAULT_PORT), isTls: url.protocol === 'tls:' };
}

function checkMs(name: string, value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_TIMER_MS) return Number(value);
  throw invalid(`\`${name}\` must be a whole number from 1 to ${MAX_TIMER_MS}, got ${inspect(value)}`);
}

function invalid(text: string): ProfiledError {
  return new ProfiledError('PROFILED_CONFIG_INVALID', text);
}
