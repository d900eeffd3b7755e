import { now } from '../internal/clock';
import { log } from '../internal/logger';
import { storeOf } from '../metrics/store';
import { notFound, refusedMethod, type Reply, textReply } from './answer';
import { chooseCoding, type Coding } from './content-coding';
import { chooseContentType, type ContentType } from './content-type';
import { guard } from './credentials';
import { type Asked, Scraper, type ScrapeOptions } from './scrape';
import type { Payload } from './scrape-body';

/** How long a client may take nothing of an answer before it is given up, in milliseconds. */
export const SEND_TIMEOUT_MS = 30_000;

/** What an answer to a scrape depends on, of a request that came over whatever. */
export interface Question {
  readonly method: string | undefined;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** A header by its name in lower case; one that was repeated is joined by commas. */
  header(name: string): string | undefined;
}

/** Brings an answer to its client. Resolves once its chunks are not needed any more; rejects if something may still read them. */
export type Deliver = (reply: Reply) => Promise<void>;

/** Answers one question, by one call of `deliver`. Rejects only as that does. */
export type ScrapeAnswerer = (question: Question, deliver: Deliver) => Promise<void>;

/**
 * What all the handlers have in common: who may ask, which format and coding, what is counted, how many at once, and what is answered
 * when it fails. With a `path` every other one gets 404.
 */
export function scrapeAnswerer(options: ScrapeOptions, path?: string): ScrapeAnswerer {
  const scraper = new Scraper(options);
  const refusedAccess = guard(options.access.credentials);
  const { maxScrapesInFlight } = options.limits;
  let inFlight = 0;
  return async (question, deliver) => {
    if (path !== undefined && question.path !== path) return deliver(notFound());
    const refused = refusedAccess(question.header('authorization')) ?? refusedMethod(question.method);
    if (refused) return deliver(refused);
    if (inFlight >= maxScrapesInFlight) {
      log.write('warn', { inFlight }, 'a scrape was refused: as many as are allowed are under way');
      return deliver(textReply(503, 'Too many scrapes at once', { 'Retry-After': '1' }));
    }
    inFlight += 1;
    try {
      await answer(scraper, question, deliver);
    } finally {
      inFlight -= 1;
    }
  };
}

async function answer(scraper: Scraper, question: Question, deliver: Deliver): Promise<void> {
  const coding = chooseCoding(question.header('accept-encoding'));
  if (!coding)
    return deliver(textReply(406, 'None of the content codings asked for can be had; gzip and identity can'));
  let isDelivered = false;
  try {
    await scrape(scraper, question, coding, (reply) => {
      isDelivered = true;
      return deliver(reply);
    });
  } catch (error) {
    if (isDelivered) throw error;
    log.write('error', { err: error }, 'a scrape failed');
    await deliver(textReply(500, 'Failed to collect metrics'));
  }
}

async function scrape(
  scraper: Scraper,
  question: Question,
  coding: Coding | 'identity',
  deliver: Deliver,
): Promise<void> {
  const start = now();
  const type = chooseContentType(question.header('accept'));
  const registry = await scraper.registry();
  const { duration, inFlight } = storeOf(registry).scrapes();
  inFlight.value += 1;
  try {
    const body = scraper.scrape(registry, askedBy(question, type));
    await body.read(coding, (payload) => {
      duration.observe(now() - start);
      return deliver(metricsReply(payload, type, coding));
    });
  } finally {
    inFlight.value -= 1;
  }
}

function askedBy({ query, header }: Question, { format }: ContentType): Asked {
  const names = query === '' ? [] : new URLSearchParams(query).getAll('name[]');
  return {
    format,
    names: names.length > 0 ? new Set(names) : undefined,
    limitSeconds: Number(header('x-prometheus-scrape-timeout-seconds') ?? NaN),
  };
}

function metricsReply({ chunks, byteLength }: Payload, type: ContentType, coding: Coding | 'identity'): Reply {
  const headers = {
    'Content-Type': type.header,
    'Content-Length': String(byteLength),
    Vary: 'Accept, Accept-Encoding',
    ...(coding !== 'identity' && { 'Content-Encoding': coding }),
  };
  return { status: 200, headers, chunks };
}
