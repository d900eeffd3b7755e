import type { IncomingMessage } from 'node:http';
import { type Reply, textReply } from './answer';

/** What the system server allows its clients; generous for scrapers and probes, tight for anything else. */
export const SERVER_LIMITS = {
  /** For the TLS handshake of a connection, in milliseconds. */
  handshakeTimeoutMs: 10_000,
  /** For the headers of a request, in milliseconds. */
  headersTimeoutMs: 10_000,
  /** For a whole request, in milliseconds. */
  requestTimeoutMs: 30_000,
  /** How often the two limits before are looked at, in milliseconds. */
  checkIntervalMs: 1_000,
  /** How long an idle connection stays open, in milliseconds: longer than the usual scrape interval, so that it is used again. */
  keepAliveTimeoutMs: 65_000,
  /** Characters of path and query: room for a filter of some hundred names. */
  maxUrlLength: 8_192,
  /** Bytes of the request line and all headers together. */
  maxHeaderBytes: 16_384,
  maxHeaders: 100,
  maxConnections: 100,
};
export type ServerLimits = typeof SERVER_LIMITS;

/** What a request gets that is larger than allowed; undefined for one that is not. Node itself looks at `maxHeaderBytes`. */
export function refusedSize({ url = '', rawHeaders }: IncomingMessage, limits: ServerLimits): Reply | undefined {
  const headers = { Connection: 'close' };
  if (url.length > limits.maxUrlLength) return textReply(414, 'URI too long', headers);
  if (rawHeaders.length > 2 * limits.maxHeaders) return textReply(431, 'Too many header fields', headers);
  return undefined;
}
