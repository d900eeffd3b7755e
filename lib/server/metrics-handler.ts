import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished, pipeline } from 'node:stream/promises';
import { readAccess } from '../config/access-files';
import { type DeepPartial, loadSettings, type Settings } from '../config/settings';
import { log } from '../internal/logger';
import { Slices } from '../metrics/exposition/slices';
import { checkOptionNames } from '../metrics/labels';
import { type Reply, writeHead } from './answer';
import { type Health, health as processHealth } from './health';
import type { ScrapeOptions } from './scrape';
import { type Question, type ScrapeAnswerer, scrapeAnswerer, SEND_TIMEOUT_MS } from './scrape-answer';
import { resolveScrapeLimits, type ScrapeLimits } from './scrape-limits';

/** Who may scrape. At most one of these can be given, by option or variable; health and liveness stay open. */
export interface CredentialOptions {
  /** The token that a scrape has to bring, as `Authorization: Bearer`. @default DYN_SYSTEM_AUTH_TOKEN, else none is asked for */
  readonly authToken?: string;
  /** A file that has the token, read once. @default DYN_SYSTEM_AUTH_TOKEN_FILE, else none */
  readonly authTokenFile?: string;
  /** What a scrape has to bring as `Authorization: Basic`, as `user:password`. @default DYN_SYSTEM_AUTH_BASIC, else none */
  readonly authBasic?: string;
}

/** Options of {@link createMetricsHandler} and `createFetchHandler`. */
export interface MetricsHandlerOptions extends ScrapeLimits, CredentialOptions {
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
  return requestListener(answererOf('createMetricsHandler', options));
}

/** The same for settings that are complete. */
export function metricsHandler(options: ScrapeOptions): MetricsHandler {
  return requestListener(scrapeAnswerer(options));
}

const OPTION_NAMES = [
  ...['registry', 'health', 'processMetrics', 'path', 'maxScrapesInFlight', 'collectTimeoutMs'],
  ...['authToken', 'authTokenFile', 'authBasic'],
];

/** What answers as the options of the function `what` say. @throws PROFILED_CONFIG_INVALID */
export function answererOf(what: string, options: MetricsHandlerOptions): ScrapeAnswerer {
  checkOptionNames(what, options, OPTION_NAMES);
  const { registry, health, path, maxScrapesInFlight, collectTimeoutMs, ...system } = options;
  const limits = { maxScrapesInFlight, collectTimeoutMs };
  const context = scrapeOptions({ registry, health, limits, system });
  context.health.markStarted();
  return scrapeAnswerer(context, path);
}

/** Options before defaults and checks. */
interface Unresolved {
  readonly registry?: ScrapeOptions['registry'];
  readonly health?: Health | undefined;
  readonly limits: ScrapeLimits;
  readonly system: DeepPartial<Settings['system']>;
  /** Whether the files of TLS are wanted as well. */
  readonly withTls?: boolean;
}

/** Options after defaults and checks, and after the files that they name are read. @throws PROFILED_CONFIG_INVALID */
export function scrapeOptions(options: Unresolved): ScrapeOptions {
  const { registry, health = processHealth, withTls = false } = options;
  const limits = resolveScrapeLimits(options.limits);
  const settings = loadSettings({ system: options.system });
  const access = readAccess(settings.system, { withTls });
  return { registry, health, limits, settings, access };
}

function requestListener(answerer: ScrapeAnswerer): MetricsHandler {
  return (request, response) => {
    answerer(questionOf(request), (reply) => deliver(request, response, reply)).catch((error: unknown) => {
      log.write('debug', { err: error }, 'a client went away in the middle of a scrape');
      response.destroy();
    });
  };
}

function questionOf({ method, url = '', headers }: IncomingMessage): Question {
  const at = url.indexOf('?');
  return {
    method,
    path: at < 0 ? url : url.slice(0, at),
    query: at < 0 ? '' : url.slice(at + 1),
    header: (name) => headers[name]?.toString(),
  };
}

/** A kernel that takes whatever it is given, as over loopback, would otherwise be given all of a large scrape in one turn. */
async function* inSlices(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  const slices = new Slices();
  for (const chunk of chunks) {
    if (slices.isOver) await slices.next();
    yield chunk;
  }
}

/** Rejects if the client goes away, or takes nothing for too long. */
function deliver(request: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> {
  writeHead(response, reply);
  response.setTimeout(SEND_TIMEOUT_MS, () => response.destroy());
  const { chunks } = reply;
  if (chunks.length > 1 && request.method === 'GET') return pipeline(inSlices(chunks), response);
  response.end(request.method === 'HEAD' ? undefined : chunks[0]);
  return finished(response);
}
