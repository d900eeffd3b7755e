import { isIP } from 'node:net';
import { inspect } from 'node:util';
import { ProfiledError } from '../../errors';
import { MAX_TIMER_MS } from '../../internal/clock';
import { DEFAULT_MAX_MESSAGE_BYTES, FIN_TIMEOUT_MS, FRAME_BUFFER } from '../../wire/limits';
import { localHost } from './address';

/** Settings of a TCP plane. Both planes take the same type; each says which plane reads it, unless both do. */
export interface TcpOptions {
  /**
   * The IP address to listen on and to make known. `0.0.0.0` and `::` listen everywhere and make the default known.
   * @default the first IPv4 address of this machine that is no loopback, else the first such IPv6 address, else 127.0.0.1
   */
  readonly host?: string | undefined;
  /** The port to listen on; 0 = any free one. @default 0 */
  readonly port?: number | undefined;
  /**
   * The largest request frame, all parts together, and the largest frame of a response, in bytes; what announces more ends its
   * connection before anything is allocated. @default 33554432, 32 MiB, as upstream has it for requests
   */
  readonly maxMessageBytes?: number | undefined;
  /** How long a connection may take to be opened, in milliseconds, retries included. @default 5000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Request client: connections to one host and port, at most. @default 100 */
  readonly poolSize?: number | undefined;
  /** Request client: connections on their way to being open, to all hosts together; further ones wait. @default 64 */
  readonly maxDials?: number | undefined;
  /**
   * Request plane: requests on one connection that are not acknowledged yet. A client opens another connection then, a server
   * stops reading. @default 1024
   */
  readonly maxInFlight?: number | undefined;
  /** Request client: how long a connection is kept that nobody uses, in milliseconds. @default 300000 */
  readonly idleTtlMs?: number | undefined;
  /**
   * Request server: connections at once. One more takes the place of the one that was silent for longest among those that have
   * sent no whole request yet, itself included: what clients keep in their pools stays. @default 10000
   */
  readonly maxConnections?: number | undefined;
  /** Request server: how long the rest of a request may take once its first byte is there, in milliseconds. @default 30000 */
  readonly frameTimeoutMs?: number | undefined;
  /**
   * Request server: bytes of requests that are not acknowledged yet, over all connections. Whoever sends more is told
   * `Server overloaded:` and disconnected. At least `maxMessageBytes`. @default 268435456, 256 MiB, or `maxMessageBytes` if that is more
   */
  readonly maxBufferedBytes?: number | undefined;
  /** Response server: how long a worker that has connected may take for its handshake, in milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Response server: connections at once whose handshake is awaited; beyond, the oldest one is closed. @default 4096 */
  readonly maxHandshakes?: number | undefined;
  /** Response client: frames that the socket has not taken yet, before a handler has to wait. @default 64 */
  readonly frameBuffer?: number | undefined;
  /** Response client: how long a worker that has sent everything waits for the requester's FIN, in milliseconds. @default 10000 */
  readonly finTimeoutMs?: number | undefined;
}

/** {@link TcpOptions} with nothing left open. */
export type ResolvedTcpOptions = { readonly [K in keyof TcpOptions]-?: NonNullable<TcpOptions[K]> };

const MAX_PORT = 65_535;
/** Lengths on the wire of the request plane have 32 bits. */
const MAX_BYTES = 2 ** 32 - 1;
/** A handshake must fit into any limit. */
const MIN_BYTES = 1024;

/** @throws PROFILED_CONFIG_INVALID for the first option that can not be used */
export function resolveTcpOptions(options: TcpOptions = {}): ResolvedTcpOptions {
  const whole = (name: keyof TcpOptions, fallback: number, min: number, max = Number.MAX_SAFE_INTEGER) =>
    checkWhole(name, options[name] ?? fallback, min, max);
  const maxMessageBytes = whole('maxMessageBytes', DEFAULT_MAX_MESSAGE_BYTES, MIN_BYTES, MAX_BYTES);
  return Object.freeze({
    host: checkHost(options.host ?? localHost()),
    port: whole('port', 0, 0, MAX_PORT),
    maxMessageBytes,
    connectTimeoutMs: whole('connectTimeoutMs', 5_000, 1, MAX_TIMER_MS),
    poolSize: whole('poolSize', 100, 1),
    maxDials: whole('maxDials', 64, 1),
    maxInFlight: whole('maxInFlight', 1024, 1),
    idleTtlMs: whole('idleTtlMs', 300_000, 1, MAX_TIMER_MS),
    maxConnections: whole('maxConnections', 10_000, 1),
    frameTimeoutMs: whole('frameTimeoutMs', 30_000, 1, MAX_TIMER_MS),
    maxBufferedBytes: whole('maxBufferedBytes', Math.max(256 * 2 ** 20, maxMessageBytes), maxMessageBytes),
    handshakeTimeoutMs: whole('handshakeTimeoutMs', 10_000, 1, MAX_TIMER_MS),
    maxHandshakes: whole('maxHandshakes', 4096, 1),
    frameBuffer: whole('frameBuffer', FRAME_BUFFER, 1),
    finTimeoutMs: whole('finTimeoutMs', FIN_TIMEOUT_MS, 1, MAX_TIMER_MS),
  });
}

function checkHost(host: string): string {
  const bare = typeof host === 'string' && /^\[.*\]$/.test(host) ? host.slice(1, -1) : host;
  if (typeof bare === 'string' && isIP(bare) !== 0) return bare;
  throw invalid('host', 'an IP address of this machine, such as 127.0.0.1 or ::1, no host name', host);
}

function checkWhole(name: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  throw invalid(name, `a whole number ${range}`, value);
}

function invalid(name: string, expected: string, value: unknown): ProfiledError {
  return new ProfiledError('PROFILED_CONFIG_INVALID', `\`${name}\` must be ${expected}, got ${inspect(value)}`);
}
