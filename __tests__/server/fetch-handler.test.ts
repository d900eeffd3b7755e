import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import * as zlib from 'node:zlib';
import { serve } from '@hono/node-server';
import { Counter, Gauge, Registry } from 'prom-client';
import { storeOf } from '../../lib/metrics/store';
import { createFetchHandler, type FetchHandler } from '../../lib/server/fetch-handler';
import { Health } from '../../lib/server/health';
import { createMetricsHandler, type MetricsHandlerOptions } from '../../lib/server/metrics-handler';
import { SEND_TIMEOUT_MS } from '../../lib/server/scrape-answer';
import { eventually } from '../support/eventually';
import { parseText } from '../support/exposition-parser';
import { ask } from '../support/http';

const URL = 'http://worker.test/metrics';
const get = (headers: Record<string, string> = {}, query = '') => new Request(URL + query, { headers });

let registry: Registry;
beforeEach(() => void (registry = new Registry()));

/** Enough for an answer in several chunks. */
function many(): void {
  const family = storeOf(registry).family({ type: 'gauge', name: 'many', help: 'm', labelNames: ['i'] });
  for (let i = 0; i < 8_000; i++) family.series({ i: `a somewhat longer value ${i}` }).set(i);
}
const valuesOf = (text: string) =>
  parseText(text)
    .find(({ name }) => name === 'many')!
    .samples.map(({ value }) => value);
const EXPECTED = Array.from({ length: 8_000 }, (_, i) => i);

/** A metric that is collected when the test says so. */
function slowGauge() {
  const asked: (() => void)[] = [];
  const collect = () => new Promise<void>((resolve) => asked.push(resolve));
  new Gauge({ name: 'slow', help: 's', registers: [registry], collect });
  return asked;
}

describe('answers as the handler of node:http does', () => {
  let server: Server;
  let address: string;
  let handler: FetchHandler;

  beforeEach(async () => {
    new Counter({ name: 'jobs_total', help: 'j', registers: [registry] }).inc(2);
    new Gauge({ name: 'depth', help: 'd', registers: [registry] }).set(1);
    const options: MetricsHandlerOptions = { registry, health: new Health(), path: '/metrics', authToken: 'token' };
    server = createServer(createMetricsHandler(options)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    handler = createFetchHandler(options);
  });
  afterEach(() => void server.close());

  const authorization = 'Bearer token';
  const open = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5';
  test.each<[string, string, RequestInit]>([
    ['text', '/metrics', { headers: { authorization } }],
    ['OpenMetrics', '/metrics', { headers: { authorization, accept: open } }],
    ['gzip', '/metrics', { headers: { authorization, 'accept-encoding': 'gzip' } }],
    ['brotli', '/metrics', { headers: { authorization, 'accept-encoding': 'br;q=1, gzip;q=0.5' } }],
    ['a coding there is not', '/metrics', { headers: { authorization, 'accept-encoding': 'identity;q=0' } }],
    ['HEAD', '/metrics', { method: 'HEAD', headers: { authorization } }],
    ['HEAD with gzip', '/metrics', { method: 'HEAD', headers: { authorization, 'accept-encoding': 'gzip' } }],
    ['a filter', '/metrics?name[]=depth&name%5B%5D=jobs', { headers: { authorization } }],
    ['POST', '/metrics', { method: 'POST', headers: { authorization } }],
    ['another path', '/other?name[]=depth', { headers: { authorization } }],
    ['no credentials', '/metrics', {}],
  ])('%s', async (_, path, init) => {
    const theirs = await ask(address + path, init as Parameters<typeof ask>[1]);
    const ours = await handler(new Request(URL.replace('/metrics', path), init));
    const names = ['content-type', 'content-encoding', 'vary', 'allow', 'www-authenticate', 'retry-after'];
    const shown = (header: (name: string) => unknown) => names.map((name) => [name, header(name) ?? undefined]);
    expect(ours.status).toBe(theirs.status);
    expect(shown((name) => ours.headers.get(name))).toEqual(shown((name) => theirs.headers[name]));
    expect(Boolean(ours.headers.get('content-length'))).toBe(Boolean(theirs.headers['content-length']));
    if (ours.headers.has('content-encoding')) return void (await ours.body?.cancel());
    // What differs is the time that has passed, and the scrapes before.
    const stable = (text: string) => text.replace(/^(uptime_seconds|profiled_scrape).*$/gm, '$1');
    expect(stable(await ours.text())).toBe(stable(theirs.body));
  });
});

describe('an answer', () => {
  test('compressed is what it was before', async () => {
    many();
    const response = await createFetchHandler({ registry })(get({ 'accept-encoding': 'gzip' }));
    const body = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe(String(body.length));
    expect(valuesOf(zlib.gunzipSync(body).toString())).toEqual(EXPECTED);
  });

  test('that is large comes as a stream, and may be kept while the next one is written', async () => {
    many();
    const handler = createFetchHandler({ registry });
    const parts: Uint8Array[] = [];
    for await (const part of (await handler(get())).body!) parts.push(part);
    expect(parts.length).toBeGreaterThan(1);
    for (const series of [1, 2]) {
      storeOf(registry)
        .family({ type: 'gauge', name: 'many', help: 'm', labelNames: ['i'] })
        .series({ i: 'x' })
        .set(series);
      await (await handler(get())).text();
    }
    expect(valuesOf(Buffer.concat(parts).toString())).toEqual(EXPECTED);
  });

  test('counts as a scrape, and in the metrics about scrapes', async () => {
    const handler = createFetchHandler({ registry });
    await (await handler(get())).text();
    const body = await (await handler(get())).text();
    expect(body).toMatch(/^profiled_scrape_duration_seconds_count 1$/m);
    expect(body).toMatch(/^profiled_scrapes_in_flight 1$/m);
    expect(storeOf(registry).scrapes().inFlight.value).toBe(0);
  });

  test('that fails is a 500 and tells nothing', async () => {
    registry.getMetricsAsArray = () => {
      throw new Error('secret of the house');
    };
    const response = await createFetchHandler({ registry })(get());
    expect([response.status, await response.text()]).toEqual([500, 'Failed to collect metrics']);
  });

  test('leaves out a metric that takes longer than Prometheus waits', async () => {
    slowGauge();
    const response = await createFetchHandler({ registry })(get({ 'x-prometheus-scrape-timeout-seconds': '0.01' }));
    expect(await response.text()).toContain('profiled_scrape_errors_total{reason="timeout"} 1\n');
  });
});

describe('one scrape more than allowed is 503, and there is room again', () => {
  test('when the one under way is done', async () => {
    const asked = slowGauge();
    const handler = createFetchHandler({ registry, maxScrapesInFlight: 1 });
    const first = handler(get());
    await eventually('the collection', () => asked.length === 1);
    const refused = await handler(get());
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    asked[0]!();
    expect((await first).status).toBe(200);
    expect((await handler(get({}, '?name[]=none'))).status).toBe(200);
  });

  const endings: [string, (response: Response, controller: AbortController) => Promise<unknown>][] = [
    ['is read to its end', (response) => response.text()],
    ['is cancelled unread', (response) => response.body!.cancel()],
    [
      'is cancelled midway',
      async (response) => {
        const reader = response.body!.getReader();
        await reader.read();
        await reader.cancel();
      },
    ],
    [
      'is aborted by the client',
      async (response, controller) => {
        controller.abort();
        await expect(response.text()).rejects.toThrow(/abort/i);
      },
    ],
    [
      'is not read for too long',
      async (response) => {
        await jest.advanceTimersByTimeAsync(SEND_TIMEOUT_MS);
        await expect(response.text()).rejects.toThrow(/not read in time/);
      },
    ],
  ];
  test.each(endings)('when a large answer %s', async (_, end) => {
    many();
    const handler = createFetchHandler({ registry, maxScrapesInFlight: 1 });
    const controller = new AbortController();
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance', 'hrtime'] });
    try {
      const response = await handler(new Request(URL, { signal: controller.signal }));
      expect((await handler(get())).status).toBe(503);
      await end(response, controller);
    } finally {
      jest.useRealTimers();
    }
    let next!: Response;
    await eventually('room', async () => (next = await handler(get())).status === 200);
    expect(valuesOf(await next.text())).toEqual(EXPECTED);
  });

  test('when the client was gone before the answer was there', async () => {
    many();
    const asked = slowGauge();
    const handler = createFetchHandler({ registry, maxScrapesInFlight: 1 });
    const controller = new AbortController();
    const answer = handler(new Request(URL, { signal: controller.signal }));
    await eventually('the collection', () => asked.length === 1);
    controller.abort();
    asked[0]!();
    await expect((await answer).text()).rejects.toThrow(/abort/i);
    await eventually('room', async () => (await handler(get({}, '?name[]=none'))).status === 200);
  });
});

describe('behind a server of Hono, over a socket', () => {
  let server: Server;
  let address: string;
  beforeEach(async () => {
    many();
    const handler = createFetchHandler({ registry, maxScrapesInFlight: 1 });
    server = serve({ fetch: handler, port: 0, hostname: '127.0.0.1', overrideGlobalObjects: false }) as Server;
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  test('a large answer arrives whole', async () => {
    const { headers, body } = await ask(address);
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
    expect(valuesOf(body)).toEqual(EXPECTED);
  });

  test('a client that goes away midway makes room', async () => {
    const outgoing = request(address, { agent: false }).end();
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    incoming.on('error', () => {});
    await once(incoming, 'readable');
    outgoing.destroy();
    let answer!: Awaited<ReturnType<typeof ask>>;
    await eventually('room', async () => (answer = await ask(address)).status === 200);
    expect(valuesOf(answer.body)).toEqual(EXPECTED);
  });
});

test('an option that there is not is refused by name', () => {
  expect(() => createFetchHandler({ colour: 'red' } as MetricsHandlerOptions)).toThrow(
    /createFetchHandler has no option `colour`/,
  );
});
