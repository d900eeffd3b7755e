import {
  AuthorizationError,
  connect,
  ConnectionError,
  type NatsConnection,
  type NodeConnectionOptions,
  TimeoutError,
} from '@nats-io/transport-node';
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { messageOf, ProfiledError } from '../../errors';
import { formatSocketAddress } from '../tcp/address';
import { credentialsOf, tlsOf } from './credentials';
import type { NatsServer, ResolvedNatsOptions } from './options';

/** Where Node tells of each TCP socket that is about to connect. */
const SOCKETS = 'net.client.socket';

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
      if (closing.aborted) break;
    }
  }
  throw failure;
}

async function dial(server: NatsServer, options: ResolvedNatsOptions, closing: AbortSignal): Promise<NatsConnection> {
  const tls = tlsOf(options, server);
  const { authenticator, source } = credentialsOf(options);
  const settings: NodeConnectionOptions = {
    servers: formatSocketAddress(server),
    name: 'profiled',
    timeout: options.connectTimeoutMs,
    pingInterval: options.pingIntervalMs,
    maxPingOut: MAX_UNANSWERED_PINGS,
    // Lost connections are the link's business: the library would drop what is published meanwhile without a word.
    reconnect: false,
    noAsyncTraces: true,
    ...(authenticator && { authenticator }),
    ...(tls && { tls }),
  };
  try {
    return await connectOrDestroy(settings, closing);
  } catch (cause) {
    if (cause instanceof AuthorizationError) {
      const text = `the NATS server at ${formatSocketAddress(server)} refuses the credentials of ${source}`;
      throw new ProfiledError('PROFILED_CONFIG_INVALID', text, { cause });
    }
    const reason = closing.aborted ? new Error('it was given up') : reasonOf(cause, options.connectTimeoutMs);
    const hint = isOfCertificate(reason) ? 'NATS_TLS_CA_CERT_PATH has the certificates to trust' : '';
    throw unreachable(server, reason, hint);
  }
}

/**
 * The library forgets its socket, open, when a server does not get through the handshake in time, and can not be told to give up. So
 * the sockets that it opens here, and nobody else's, are known to us and destroyed when it fails or `closing` gives up.
 */
async function connectOrDestroy(settings: NodeConnectionOptions, closing: AbortSignal): Promise<NatsConnection> {
  // Of this call alone, so that it can be disabled: while there is one, every promise of the process is dearer.
  const inHere = new AsyncLocalStorage<boolean>();
  const sockets: Socket[] = [];
  const destroyAll = () => sockets.forEach((socket) => socket.destroy());
  const onSocket = (message: unknown) => {
    if (!inHere.getStore()) return;
    sockets.push((message as { socket: Socket }).socket);
    // It is told of before it connects, which would undo its end.
    if (closing.aborted) setImmediate(destroyAll);
  };
  subscribe(SOCKETS, onSocket);
  closing.addEventListener('abort', destroyAll);
  try {
    return await inHere.run(true, () => connect(settings));
  } catch (error) {
    destroyAll();
    throw error;
  } finally {
    closing.removeEventListener('abort', destroyAll);
    unsubscribe(SOCKETS, onSocket);
    inHere.disable();
  }
}

/** The library has its own words for a time limit, for an error of the socket, and for an end without one. */
function reasonOf(error: unknown, timeoutMs: number): unknown {
  if (error instanceof TimeoutError) return new Error(`it does not answer within ${timeoutMs} ms`, { cause: error });
  if (!(error instanceof ConnectionError)) return error;
  const isClosed = /^(connection refused|error connecting)/.test(error.message);
  return error.cause ?? (isClosed ? new Error('it closed the connection') : error);
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
