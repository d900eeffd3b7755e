import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Looks ten times a second. @throws after `limitMs` */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(100);
  }
}

/** One answer over a connection of its own; undefined if there was none within two seconds. */
export function get(url: string): Promise<{ readonly status: number; readonly body: string } | undefined> {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent: false, timeout: 2_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode!, body }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('late')));
    outgoing.on('error', () => resolve(undefined));
    outgoing.end();
  });
}
