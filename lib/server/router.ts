import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Router } from 'express';
import { METRICS_PATH, type Settings } from '../config/settings';
import { refusedMethod, reply, type Reply, send } from './answer';
import type { Health } from './health';
import { type CredentialOptions, metricsHandler, scrapeOptions } from './metrics-handler';
import type { ScrapeOptions } from './scrape';
import type { ScrapeLimits } from './scrape-limits';

/** Options of {@link createSystemRouter}. */
export interface SystemRouterOptions extends ScrapeLimits, CredentialOptions {
  /** What `/metrics` shows. @default the shared registry, whichever is current when a scrape begins */
  readonly registry?: ScrapeOptions['registry'];
  /** What the health path reports. @default the health of this process */
  readonly health?: Health;
  /** The path for readiness, relative to where the router is mounted. @default DYN_SYSTEM_HEALTH_PATH, else '/health' */
  readonly healthPath?: string;
  /** The path for liveness. @default DYN_SYSTEM_LIVE_PATH, else '/live' */
  readonly livePath?: string;
  /** What health says until the first endpoint is served. @default DYN_SYSTEM_STARTING_HEALTH_STATUS, else 'notready' */
  readonly startingHealthStatus?: Settings['system']['startingHealthStatus'];
  /** Whether to expose CPU, memory, event loop and GC of the process. @default DYN_SYSTEM_PROCESS_METRICS, else false */
  readonly processMetrics?: boolean;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * An Express router that answers GET and HEAD on `/metrics`, the health path and the live path, to mount in your own app;
 * everything else is passed on. The paths are literal: no patterns, no trailing slash, case matters.
 *
 * @example
 * app.use('/internal', createSystemRouter());
 * @throws PROFILED_CONFIG_INVALID for an option or a variable of the environment that can not be used
 */
export function createSystemRouter(options: SystemRouterOptions = {}): Router {
  return systemRouter(routerOptions(options));
}

/** Options after defaults and checks; with `withTls` the files of TLS are read as well. @throws PROFILED_CONFIG_INVALID */
export function routerOptions(options: SystemRouterOptions, withTls = false): ScrapeOptions {
  const { registry, health, maxScrapesInFlight, collectTimeoutMs, ...system } = options;
  return scrapeOptions({ registry, health, limits: { maxScrapesInFlight, collectTimeoutMs }, system, withTls });
}

/** The same for settings that are complete. */
export function systemRouter(context: ScrapeOptions): Router {
  const { healthPath, livePath } = context.settings.system;
  context.health.markStarted();
  const routes = new Map<string, Answer>([
    [METRICS_PATH, metricsHandler(context)],
    [healthPath, open(() => healthReply(context))],
    [livePath, open(() => jsonReply(200, { status: 'live', uptime: context.health.uptime() }))],
  ]);
  const router = express.Router();
  router.use((request, response, next) => {
    const answer = routes.get(request.path);
    return answer ? answer(request, response) : next();
  });
  return router;
}

/** Probes bring no credentials, so none are asked for. */
function open(answer: () => Reply): Answer {
  return ({ method }, response) => send(response, refusedMethod(method) ?? answer());
}

function healthReply({ health, settings }: ScrapeOptions): Reply {
  const report = health.report(settings.system.startingHealthStatus);
  return jsonReply(report.status === 'ready' ? 200 : 503, report);
}

function jsonReply(status: number, body: object): Reply {
  return reply(status, 'application/json', JSON.stringify(body));
}
