import express, { type Request, type Response, type Router } from 'express';
import { loadSettings, METRICS_PATH, type Settings } from '../config/settings';
import { log } from '../internal/logger';
const TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
import { type Health, health as processHealth } from './health';
import { scrape, type ScrapeOptions } from './scrape';

/** Options of {@link createSystemRouter}. */
export interface SystemRouterOptions {
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

type Answer = (request: Request, response: Response) => void | Promise<void>;

/**
 * An Express router that answers GET and HEAD on `/metrics`, the health path and the live path, to mount in your own app;
 * everything else is passed on. The paths are literal: no patterns, no trailing slash, case matters.
 *
 * @example
 * app.use('/internal', createSystemRouter());
 * @throws PROFILED_CONFIG_INVALID for an option or a variable of the environment that can not be used
 */
export function createSystemRouter(options: SystemRouterOptions = {}): Router {
  const { registry, health = processHealth, ...system } = options;
  return systemRouter({ registry, health, settings: loadSettings({ system }) });
}

/** The same for settings that are complete. */
export function systemRouter(context: ScrapeOptions): Router {
  const { health, settings } = context;
  health.markStarted();
  const routes = new Map<string, Answer>([
    [METRICS_PATH, (request, response) => answerMetrics(context, request, response)],
    [settings.system.healthPath, (_, response) => answerHealth(context, response)],
    [settings.system.livePath, (_, response) => sendJson(response, 200, { status: 'live', uptime: health.uptime() })],
  ]);
  const router = express.Router();
  router.use((request, response, next) => {
    const answer = routes.get(request.path);
    if (!answer) return next();
    if (request.method === 'GET' || request.method === 'HEAD') return answer(request, response);
    response.setHeader('Allow', 'GET, HEAD');
    return send(response, 405, 'text/plain; charset=utf-8', 'Method not allowed');
  });
  return router;
}

async function answerMetrics(context: ScrapeOptions, request: Request, response: Response): Promise<void> {
  try {
    const text = await scrape(context, Number(request.headers['x-prometheus-scrape-timeout-seconds'] ?? NaN));
    send(response, 200, TEXT_CONTENT_TYPE, text);
  } catch (error) {
    log.write('error', { err: error }, 'a scrape failed');
    send(response, 500, 'text/plain; charset=utf-8', 'Failed to collect metrics');
  }
}

function answerHealth({ health, settings }: ScrapeOptions, response: Response): void {
  const report = health.report(settings.system.startingHealthStatus);
  sendJson(response, report.status === 'ready' ? 200 : 503, report);
}

function sendJson(response: Response, status: number, body: object): void {
  send(response, status, 'application/json', JSON.stringify(body));
}

/** Answers with `text`. Express' own `send` is avoided: it would hash every scrape for an ETag that nobody asks for. */
export function send(response: Response, status: number, contentType: string, text: string): void {
  const body = Buffer.from(text);
  response.statusCode = status;
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', body.byteLength);
  response.end(body);
}
