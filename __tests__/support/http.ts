import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { request as tlsRequest, type RequestOptions } from 'node:https';

/** One HTTP answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How to ask; a connection of its own unless an agent is given. */
export interface Asking {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly agent?: Agent;
  /** What a client of `https:` knows and shows. */
  readonly tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key'>;
}

/** Asks `url` over a real socket. */
export function ask(url: string, { method = 'GET', headers = {}, agent, tls }: Asking = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const open = url.startsWith('https:') ? tlsRequest : request;
    const outgoing = open(url, { method, headers, agent: agent ?? false, ...tls }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
