import type { ServerResponse } from 'node:http';

/** An answer before it goes out, over whatever. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly chunks: readonly Buffer[];
}

/** An answer of `text`. */
export function reply(status: number, contentType: string, text: string, headers: Reply['headers'] = {}): Reply {
  const body = Buffer.from(text);
  const length = String(body.byteLength);
  return { status, headers: { 'Content-Type': contentType, 'Content-Length': length, ...headers }, chunks: [body] };
}

/** A line for whoever reads it. */
export function textReply(status: number, text: string, headers?: Reply['headers']): Reply {
  return reply(status, 'text/plain; charset=utf-8', text, headers);
}

/** What a method gets that is neither GET nor HEAD; undefined for these. */
export function refusedMethod(method: string | undefined): Reply | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  return textReply(405, 'Method not allowed', { Allow: 'GET, HEAD' });
}

/** What a path gets that nothing answers. */
export function notFound(): Reply {
  return textReply(404, 'Route not found');
}

/**
 * Sends an answer of one chunk. Express' own `send` is avoided: it would hash every answer for an ETag that nobody asks for.
 * To HEAD the body is left out by Node.
 */
export function send(response: ServerResponse, answer: Reply): void {
  writeHead(response, answer);
  response.end(answer.chunks[0]);
}

/** Sets status and headers. What others have put into `Vary` stays there. */
export function writeHead(response: ServerResponse, { status, headers }: Reply): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'Vary') response.appendHeader(name, value);
    else response.setHeader(name, value);
  }
}
