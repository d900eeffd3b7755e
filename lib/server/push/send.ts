import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { PUSH_MODES, type ResolvedPush } from './options';

/** How much of an answer is kept for an error, in characters. */
const SHOWN_LENGTH = 300;

/** What the Pushgateway said. */
export interface Answer {
  readonly status: number;
  /** The beginning of its text, in one line. */
  readonly text: string;
}

/** Sends `body` once. Rejects if there is no whole answer, or once `signal` is aborted. */
export async function send(push: ResolvedPush, body: readonly Buffer[], signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = push.target.protocol === 'https:' ? tlsRequest : plainRequest;
    const method = PUSH_MODES[push.mode];
    const outgoing = request(push.target, {
      ...push.tls,
      method,
      headers: headersOf(push, body),
      signal,
      agent: false,
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    for (const chunk of body) outgoing.write(chunk);
    outgoing.end();
  });
  let text = '';
  for await (const part of incoming.setEncoding('utf8')) text = (text + String(part)).slice(0, SHOWN_LENGTH);
  return { status: incoming.statusCode ?? 0, text: text.trim().replace(/\s+/g, ' ') };
}

function headersOf({ mode, gzip, authorization }: ResolvedPush, body: readonly Buffer[]): Record<string, string> {
  return {
    ...(authorization !== undefined && { Authorization: authorization }),
    ...(mode !== 'delete' && { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
    ...(mode !== 'delete' && gzip && { 'Content-Encoding': 'gzip' }),
    'Content-Length': String(body.reduce((sum, { length }) => sum + length, 0)),
  };
}
