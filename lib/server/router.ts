import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Router } from 'express';
import { loadSettings, METRICS_PATH, type Settings } from '../config/settings';
import { refuseMethod, send } from './answer';
import { type Health, health as processHealth } from './health';
import { metricsHandler } from './metrics-handler';
import type { ScrapeOptions } from './scrape';
import { resolveScrapeLimits, type ScrapeLimits } from './scrape-limits';

/** Options of {@link createSystemRouter}. */
export interface SystemRouterOptions extends ScrapeLimits {
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
  return systemRouter(scrapeOptions(options));
}

/** Options after defaults and checks. @throws PROFILED_CONFIG_INVALID */
export function scrapeOptions(options: SystemRouterOptions): ScrapeOptions {
  const { registry, health = processHealth, maxScrapesInFlight, collectTimeoutMs, ...system } = options;
  const limits = resolveScrapeLimits({ maxScrapesInFlight, collectTimeoutMs });
  return { registry, health, limits, settings: loadSettings({ system }) };
}

/** The same for settings that are complete. */
export function systemRouter(context: ScrapeOptions): Router {
  const { health, settings } = context;
  health.markStarted();
  const routes = new Map<string, Answer>([
    [METRICS_PATH, metricsHandler(context)],
    [settings.system.healthPath, withMethod((response) => answerHealth(context, response))],
    [settings.system.livePath, withMethod((response) => answerLive(context, response))],
  ]);
  const router = express.Router();
  router.use((request, response, next) => {
    const answer = routes.get(request.path);
    return answer ? answer(request, response) : next();
  });
  return router;
}

function withMethod(answer: (response: ServerResponse) => void): Answer {
  return ({ method }, response) => {
    if (!refuseMethod(method, response)) answer(response);
  };
}

function answerHealth({ health, settings }: ScrapeOptions, response: ServerResponse): void {
  const report = health.report(settings.system.startingHealthStatus);
  sendJson(response, report.status === 'ready' ? 200 : 503, report);
}

function answerLive({ health }: ScrapeOptions, response: ServerResponse): void {
  sendJson(response, 200, { status: 'live', uptime: health.uptime() });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, 'application/json', JSON.stringify(body));
}
