import { createHash, timingSafeEqual } from 'node:crypto';
import type { Credentials } from '../config/access-files';
import { log } from '../internal/logger';
import { type Reply, textReply } from './answer';

/** What a request gets that may not see the metrics, by its `Authorization` header; undefined for one that may. */
export type Guard = (authorization: string | undefined) => Reply | undefined;

/**
 * A guard that asks for credentials. What was given and what is expected are compared as hashes, in constant time, so that the time
 * tells neither how much of it was right nor how long it has to be.
 */
export function guard(credentials: Credentials | undefined): Guard {
  if (!credentials) return () => undefined;
  const { scheme, secret } = credentials;
  const expected = hash(Buffer.from(secret.reveal()));
  const challenge = scheme === 'Basic' ? 'Basic realm="metrics", charset="UTF-8"' : 'Bearer realm="metrics"';
  return (authorization = '') => {
    const end = authorization.indexOf(' ');
    const given = Buffer.from(authorization.slice(end + 1).trim(), scheme === 'Basic' ? 'base64' : 'utf8');
    const isSame = timingSafeEqual(hash(given), expected);
    if (isSame && authorization.slice(0, end).toLowerCase() === scheme.toLowerCase()) return undefined;
    log.write('warn', { scheme }, 'a scrape was refused: it did not bring the credentials that are asked for');
    return textReply(401, 'Unauthorized', { 'WWW-Authenticate': challenge });
  };
}

function hash(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
