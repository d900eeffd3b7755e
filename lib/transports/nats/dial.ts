import { AuthorizationError, connect, type NatsConnection } from '@nats-io/transport-node';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { messageOf, ProfiledError } from '../../errors';
import { formatSocketAddress } from '../tcp/address';
import { Dial } from '../tcp/dial';
import { credentialsOf, tlsOf } from './credentials';
import type { NatsServer, ResolvedNatsOptions } from './options';

/**
 * The library forgets a socket whose server falls silent within its time limit, without closing it. One that has just said its first
 * word gets at least so long to go on, in milliseconds.
 */
const LEAST_HANDSHAKE_MS = 5_000;

/** Questions to the server without an answer before it is taken for dead. */
const MAX_UNANSWERED_PINGS = 2;

/**
 * Opens a connection to the first of the servers that takes one; `closing` gives up. @throws PROFILED_DISCONNECTED,
 * PROFILED_CONFIG_INVALID
 */
export async function dialAny(options: ResolvedNatsOptions, closing: AbortSignal): Promise<NatsConnection> {
  let failure: unknown;
  for (const server of options.servers) {
    try {
      return await dial(server, options, closing);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function dial(server: NatsServer, options: ResolvedNatsOptions, closing: AbortSignal): Promise<NatsConnection> {
  const tls = tlsOf(options, server);
  const { authenticator, source } = credentialsOf(options);
  await knock(server, options.connectTimeoutMs, closing);
  try {
    return await connect({
      servers: formatSocketAddress(server),
      name: 'profiled',
      timeout: Math.max(options.connectTimeoutMs, LEAST_HANDSHAKE_MS),
      pingInterval: options.pingIntervalMs,
      maxPingOut: MAX_UNANSWERED_PINGS,
      // Lost connections are the link's business: the library would drop what is published meanwhile without a word.
      reconnect: false,
      noAsyncTraces: true,
      ...(authenticator && { authenticator }),
      ...(tls && { tls }),
    });
  } catch (cause) {
    if (cause instanceof AuthorizationError) {
      const text = `the NATS server at ${formatSocketAddress(server)} refuses the credentials of ${source}`;
      throw new ProfiledError('PROFILED_CONFIG_INVALID', text, { cause });
    }
    throw unreachable(
      server,
      cause,
      isOfCertificate(cause) ? 'NATS_TLS_CA_CERT_PATH has the certificates to trust' : '',
    );
  }
}

/**
 * Waits for the server's first word on a connection that is closed again: the library forgets a connection on which nothing comes,
 * as from a server that is frozen, without closing it.
 */
async function knock(server: NatsServer, timeoutMs: number, closing: AbortSignal): Promise<void> {
  const dial = new Dial(server, timeoutMs);
  let socket: Socket | undefined;
  const giveUp = () => {
    dial.cancel();
    socket?.destroy();
  };
  closing.addEventListener('abort', giveUp, { once: true });
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    socket = await dial.opened;
    await Promise.race([
      once(socket, 'data', { signal: limit }),
      once(socket, 'close', { signal: limit }).then(() => Promise.reject(new Error('it closed the connection'))),
    ]);
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    throw unreachable(server, limit.aborted ? new Error(`it says nothing within ${timeoutMs} ms`) : cause);
  } finally {
    closing.removeEventListener('abort', giveUp);
    socket?.destroy();
  }
}

function isOfCertificate(error: unknown): boolean {
  return (
    /CERT|SELF_SIGNED|ERR_TLS/.test(String((error as NodeJS.ErrnoException).code)) ||
    /certificate/.test(messageOf(error))
  );
}

function unreachable(server: NatsServer, cause: unknown, hint = ''): ProfiledError {
  const text = `the NATS server at ${formatSocketAddress(server)} (NATS_SERVER) can not be used: ${messageOf(cause)}`;
  return new ProfiledError('PROFILED_DISCONNECTED', hint ? `${text}; ${hint}` : text, { cause });
}
