import type { ServerResponse } from 'node:http';

/** Answers with `text`. Express' own `send` is avoided: it would hash every answer for an ETag that nobody asks for. */
export function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  const body = Buffer.from(text);
  response.statusCode = status;
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', body.byteLength);
  response.end(body);
}

/** Answers with a line for whoever reads it. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', text);
}

/** Refuses a method that is neither GET nor HEAD. @returns whether it was one */
export function refuseMethod(method: string | undefined, response: ServerResponse): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  response.setHeader('Allow', 'GET, HEAD');
  sendText(response, 405, 'Method not allowed');
  return true;
}
