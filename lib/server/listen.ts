import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { messageOf, ProfiledError } from '../errors';
import { log } from '../internal/logger';
import { sendText } from './answer';
import { systemRouter } from './router';
import type { ScrapeOptions } from './scrape';

/** What one HTTP server allows its clients; generous for scrapers and probes, tight for anything else. */
export const SERVER_LIMITS = {
  /** For the headers of a request, in milliseconds. */
  headersTimeoutMs: 10_000,
  /** For a whole request, in milliseconds. */
  requestTimeoutMs: 30_000,
  /** How long an idle connection stays open, in milliseconds: longer than the usual scrape interval, so that it is used again. */
  keepAliveTimeoutMs: 65_000,
  maxHeaders: 100,
  maxConnections: 100,
} as const;

/** A listening HTTP server and the port that it got. */
export interface Listening {
  readonly server: Server;
  readonly port: number;
}

/**
 * Serves the system routes on the settings' host and port.
 *
 * @param isHeld asked for each new connection: false keeps it from keeping the process alive
 * @throws PROFILED_PORT_IN_USE, PROFILED_PORT_DENIED, PROFILED_LISTEN_FAILED
 */
export async function listen(context: ScrapeOptions, isHeld: () => boolean): Promise<Listening> {
  const { host, port } = context.settings.system;
  const server = createServer(
    {
      headersTimeout: SERVER_LIMITS.headersTimeoutMs,
      requestTimeout: SERVER_LIMITS.requestTimeoutMs,
      keepAliveTimeout: SERVER_LIMITS.keepAliveTimeoutMs,
    },
    systemApp(context),
  );
  server.maxHeadersCount = SERVER_LIMITS.maxHeaders;
  server.maxConnections = SERVER_LIMITS.maxConnections;
  server.on('connection', (socket) => {
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
  return { server, port: (server.address() as AddressInfo).port };
}

function systemApp(context: ScrapeOptions): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(systemRouter(context));
  app.use((_, response) => sendText(response, 404, 'Route not found'));
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
