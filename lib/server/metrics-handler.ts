import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { loadSettings } from '../config/settings';
import { now } from '../internal/clock';
import { log } from '../internal/logger';
import { checkOptionNames } from '../metrics/labels';
import { storeOf } from '../metrics/store';
import { refuseMethod, sendText } from './answer';
import { chooseCoding, type Coding } from './content-coding';
import { chooseContentType, type ContentType } from './content-type';
import { type Health, health as processHealth } from './health';
import { type Asked, Scraper, type ScrapeOptions } from './scrape';
import type { Payload } from './scrape-body';
import { resolveScrapeLimits, type ScrapeLimits } from './scrape-limits';

/** How long a client may take nothing of an answer before its connection is cut, in milliseconds. */
export const SEND_TIMEOUT_MS = 30_000;

/** Options of {@link createMetricsHandler}. */
export interface MetricsHandlerOptions extends ScrapeLimits {
  /** What is shown. @default the shared registry, whichever is current when a scrape begins */
  readonly registry?: ScrapeOptions['registry'];
  /** Gives the uptime. @default the health of this process */
  readonly health?: Health;
  /** Whether to expose CPU, memory, event loop and GC of the process. @default DYN_SYSTEM_PROCESS_METRICS, else false */
  readonly processMetrics?: boolean;
  /** The one path that is answered, literally; every other one gets 404. @default every path is answered */
  readonly path?: string;
}

/** A request listener of `node:http`, which Express, Fastify's `reply.raw` and others take too. */
export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * What answers scrapes: GET and HEAD, in the text format or OpenMetrics as `Accept` has it, compressed as `Accept-Encoding` has it,
 * with the metrics of `?name[]=` or all of them. A metric that fails costs only itself; a scrape that fails is a 500 and never half
 * an answer; what went wrong stands in the log alone.
 *
 * @example
 * createServer(createMetricsHandler({ path: '/metrics' })).listen(9464);
 * @throws PROFILED_CONFIG_INVALID for an option or a variable of the environment that can not be used
 */
export function createMetricsHandler(options: MetricsHandlerOptions = {}): MetricsHandler {
  checkOptionNames('createMetricsHandler', options, OPTION_NAMES);
  const { registry, health = processHealth, processMetrics, path, ...limits } = options;
  const settings = loadSettings({ system: { processMetrics } });
  health.markStarted();
  const handler = metricsHandler({ registry, health, settings, limits: resolveScrapeLimits(limits) });
  if (path === undefined) return handler;
  return (request, response) => {
    if (request.url?.split('?', 1)[0] === path) handler(request, response);
    else sendText(response, 404, 'Route not found');
  };
}

const OPTION_NAMES = ['registry', 'health', 'processMetrics', 'path', 'maxScrapesInFlight', 'collectTimeoutMs'];

/** The same for settings that are complete. */
export function metricsHandler(options: ScrapeOptions): MetricsHandler {
  const scraper = new Scraper(options);
  const { maxScrapesInFlight } = options.limits;
  let inFlight = 0;
  return (request, response) => {
    if (refuseMethod(request.method, response)) return;
    if (inFlight >= maxScrapesInFlight) {
      log.write('warn', { inFlight }, 'a scrape was refused: as many as are allowed are under way');
      response.setHeader('Retry-After', '1');
      return sendText(response, 503, 'Too many scrapes at once');
    }
    inFlight += 1;
    void answer(scraper, request, response).finally(() => (inFlight -= 1));
  };
}

/** Resolves when the answer has been taken or the client is gone. */
async function answer(scraper: Scraper, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const coding = chooseCoding(encodingOf(request));
  if (!coding)
    return sendText(response, 406, 'None of the content codings asked for can be had; gzip and identity can');
  try {
    await answerScrape(scraper, request, response, coding);
  } catch (error) {
    if (response.headersSent || response.destroyed) {
      log.write('debug', { err: error }, 'a client went away in the middle of a scrape');
      return void response.destroy();
    }
    log.write('error', { err: error }, 'a scrape failed');
    sendText(response, 500, 'Failed to collect metrics');
  }
}

async function answerScrape(
  scraper: Scraper,
  request: IncomingMessage,
  response: ServerResponse,
  coding: Coding | 'identity',
): Promise<void> {
  const start = now();
  const type = chooseContentType(request.headers.accept);
  const registry = scraper.registry();
  const { duration, inFlight } = storeOf(registry).scrapes();
  inFlight.value += 1;
  try {
    const body = scraper.scrape(registry, askedBy(request, type));
    await body.read(coding, (payload) => {
      duration.observe(now() - start);
      return deliver(request, response, { ...payload, type, coding });
    });
  } finally {
    inFlight.value -= 1;
  }
}

function askedBy({ url = '', headers }: IncomingMessage, { format }: ContentType): Asked {
  const at = url.indexOf('?');
  const names = at < 0 ? [] : new URLSearchParams(url.slice(at + 1)).getAll('name[]');
  return {
    format,
    names: names.length > 0 ? new Set(names) : undefined,
    limitSeconds: Number(headers['x-prometheus-scrape-timeout-seconds'] ?? NaN),
  };
}

/** Node joins repeated headers of that name, but types it as if it did not. */
function encodingOf({ headers }: IncomingMessage): string | undefined {
  const header: string | string[] | undefined = headers['accept-encoding'];
  return Array.isArray(header) ? header.join() : header;
}

interface Delivery extends Payload {
  readonly type: ContentType;
  readonly coding: Coding | 'identity';
}

/** Rejects if the client goes away, or takes nothing for too long. */
function deliver(request: IncomingMessage, response: ServerResponse, delivery: Delivery): Promise<void> {
  const { chunks, byteLength, type, coding } = delivery;
  response.statusCode = 200;
  response.setHeader('Content-Type', type.header);
  response.setHeader('Content-Length', byteLength);
  response.appendHeader('Vary', 'Accept, Accept-Encoding');
  if (coding !== 'identity') response.setHeader('Content-Encoding', coding);
  response.setTimeout(SEND_TIMEOUT_MS, () => response.destroy());
  if (chunks.length > 1 && request.method === 'GET') return pipeline(Readable.from(chunks), response);
  response.end(request.method === 'GET' ? chunks[0] : undefined);
  return finished(response);
}
