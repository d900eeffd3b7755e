import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import express, { type ErrorRequestHandler } from 'express';
import { messageOf, ProfiledError } from '../errors';
import { log } from '../internal/logger';
import { notFound, send, textReply } from './answer';
import { systemRouter } from './router';
import type { ScrapeOptions } from './scrape';
import { refusedSize, SERVER_LIMITS, type ServerLimits } from './server-limits';

/** A listening server and what clients need to know of it. */
export interface Listening {
  readonly server: HttpServer | HttpsServer;
  readonly protocol: 'http' | 'https';
  readonly port: number;
  /** All connections, also those in a TLS handshake, of which Node's `closeAllConnections` does not know. */
  readonly sockets: ReadonlySet<Socket>;
}

/**
 * Serves the system routes on the settings' host and port, over TLS if the settings have it.
 *
 * @param isHeld asked for each new connection: false keeps it from keeping the process alive
 * @throws PROFILED_PORT_IN_USE, PROFILED_PORT_DENIED, PROFILED_LISTEN_FAILED, PROFILED_CONFIG_INVALID
 */
export async function listen(
  context: ScrapeOptions,
  isHeld: () => boolean,
  limits: ServerLimits = SERVER_LIMITS,
): Promise<Listening> {
  const { host, port } = context.settings.system;
  const server = createSystemServer(context, limits);
  // One more than allowed is taken, so that there is something to refuse.
  server.maxHeadersCount = limits.maxHeaders + 1;
  server.maxConnections = limits.maxConnections;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (!isHeld()) socket.unref();
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, host, port);
  }
  server.on('error', (error) => log.write('error', { err: error }, 'the system server failed'));
  if (!isHeld()) server.unref();
  const protocol = context.access.tls ? 'https' : 'http';
  return { server, protocol, port: (server.address() as AddressInfo).port, sockets };
}

function createSystemServer(context: ScrapeOptions, limits: ServerLimits): HttpServer | HttpsServer {
  const app = systemApp(context, limits);
  const options = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
  };
  const { tls } = context.access;
  if (!tls) return createServer(options, app);
  const { cert, key, passphrase, clientCa } = tls;
  // A client without a certificate is refused in the handshake: a session that was begun without one could be resumed as if it had one.
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const secrets = { key: key.reveal(), passphrase: passphrase?.reveal() };
  const handshakeTimeout = limits.handshakeTimeoutMs;
  try {
    const server = createTlsServer({ ...options, ...secrets, ...clients, cert, handshakeTimeout }, app);
    return server.on('tlsClientError', (error) => log.write('debug', { err: error }, 'a TLS handshake failed'));
  } catch (cause) {
    throw new ProfiledError('PROFILED_CONFIG_INVALID', `the files of TLS can not be used: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Answers in words of our own only: Express' answers to errors would show stacks. */
function systemApp(context: ScrapeOptions, limits: ServerLimits): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.use((request, response, next) => {
    const refused = refusedSize(request, limits);
    return refused ? send(response, refused) : next();
  });
  app.use(systemRouter(context));
  app.use((_, response) => send(response, notFound()));
  const onError: ErrorRequestHandler = (error, _, response, _next) => {
    log.write('error', { err: error as unknown }, 'a request of the system server failed');
    if (response.headersSent) response.destroy();
    else send(response, textReply(500, 'Internal error'));
  };
  app.use(onError);
  return app;
}

function listenError(cause: unknown, host: string, port: number): ProfiledError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new ProfiledError(
      'PROFILED_PORT_IN_USE',
      `port ${port} (DYN_SYSTEM_PORT or the \`port\` option) on ${host} is already in use. ` +
        'Stop what listens there, or choose another port; 0 takes any free one.',
      { cause },
    );
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ProfiledError(
      'PROFILED_PORT_DENIED',
      `this process may not listen on port ${port} (DYN_SYSTEM_PORT or the \`port\` option) of ${host}. ` +
        'Ports below 1024 need privileges; choose a higher one, such as 8081, or 0 for any free one.',
      { cause },
    );
  }
  return new ProfiledError(
    'PROFILED_LISTEN_FAILED',
    `can not listen on '${host}' (DYN_SYSTEM_HOST or the \`host\` option), port ${port}: ${messageOf(cause)}. ` +
      'Give an address of this machine, such as 0.0.0.0 for all of them or 127.0.0.1 for local use only.',
    { cause },
  );
}
