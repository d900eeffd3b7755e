import { createServer, request as httpRequest, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import * as zlib from 'node:zlib';
import { Counter, Gauge, Registry } from 'prom-client';
import { deferred } from '../../lib/internal/deferred';
import { log } from '../../lib/internal/logger';
import { storeOf } from '../../lib/metrics/store';
import { createMetricsHandler, type MetricsHandlerOptions } from '../../lib/server/metrics-handler';
import { eventually } from '../support/eventually';
import { parseOpenMetrics, parseText } from '../support/exposition-parser';
import { ask } from '../support/http';

let registry: Registry;
let servers: Server[];
let responses: ServerResponse[];

beforeEach(() => {
  registry = new Registry();
  servers = [];
  responses = [];
});

afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

async function serve(options: MetricsHandlerOptions = {}): Promise<string> {
  const handler = createMetricsHandler({ registry, ...options });
  const server = createServer((request, response) => {
    responses.push(response);
    handler(request, response);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

/** A metric whose collection ends when the test says so. */
function slowGauge(name = 'slow') {
  const asked: (() => void)[] = [];
  const collect = () => new Promise<void>((resolve) => asked.push(resolve));
  new Gauge({ name, help: name, registers: [registry], collect });
  return asked;
}

/** The bytes of an answer as they came. */
async function raw(url: string, headers: Record<string, string>): Promise<{ headers: ServerHeaders; body: Buffer }> {
  const outgoing = httpRequest(url, { headers, agent: false });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer> & { headers: ServerHeaders }];
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part);
  return { headers: incoming.headers, body: Buffer.concat(parts) };
}

type ServerHeaders = Readonly<Record<string, string | undefined>>;

function many(handlers: number): void {
  const family = storeOf(registry).family({ type: 'gauge', name: 'many', help: 'm', labelNames: ['i'] });
  for (let i = 0; i < handlers; i++) family.series({ i: `a somewhat longer value ${i}` }).set(i);
}

describe('formats', () => {
  test('are chosen by Accept, each with its exact content type', async () => {
    new Counter({ name: 'jobs_total', help: 'j', registers: [registry] }).inc(2);
    const url = await serve();
    const open = await ask(url, { headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' } });
    expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(parseOpenMetrics(open.body).map(({ name }) => name)).toContain('jobs');
    const old = await ask(url, { headers: { accept: 'application/openmetrics-text;version=0.0.1' } });
    expect(old.headers['content-type']).toBe('application/openmetrics-text; version=0.0.1; charset=utf-8');
    const text = await ask(url);
    expect(text.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(parseText(text.body).map(({ name }) => name)).toContain('jobs_total');
    expect(text.headers.vary).toBe('Accept, Accept-Encoding');
    expect(text.headers.etag).toBeUndefined();
  });

  test('leave alone what an app has put into Vary', async () => {
    const handler = createMetricsHandler({ registry });
    const server = createServer((request, response) => {
      response.setHeader('Vary', 'Origin');
      handler(request, response);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const { headers } = await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(headers.vary).toBe('Origin, Accept, Accept-Encoding');
  });
});

describe('codings', () => {
  const decoders: [string, (body: Buffer) => Buffer][] = [
    ['gzip', zlib.gunzipSync],
    ['br', zlib.brotliDecompressSync],
  ];
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (body: Buffer) => Buffer };
  if (zstdDecompressSync) decoders.push(['zstd', zstdDecompressSync]);

  test.each(decoders)('%s, with the length of what is sent', async (coding, decode) => {
    many(20_000);
    const url = await serve();
    const { headers, body } = await raw(url, { 'accept-encoding': coding });
    expect(headers['content-encoding']).toBe(coding);
    expect(headers['content-length']).toBe(String(body.length));
    const text = decode(body).toString();
    expect(body.length * 4).toBeLessThan(text.length);
    expect(parseText(text).find(({ name }) => name === 'many')!.samples).toHaveLength(20_000);
  });

  test('identity for who asks for nothing, in several chunks', async () => {
    many(20_000);
    const { headers, body } = await raw(await serve(), {});
    expect(headers['content-encoding']).toBeUndefined();
    expect(headers['content-length']).toBe(String(body.length));
    expect(body.length).toBeGreaterThan(3 * 262_144);
    expect(parseText(body.toString()).find(({ name }) => name === 'many')!.samples).toHaveLength(20_000);
  });

  test('406 for who wants none that there is', async () => {
    const { status, body } = await ask(await serve(), { headers: { 'accept-encoding': 'identity;q=0, deflate' } });
    expect(status).toBe(406);
    expect(body).toContain('gzip and identity');
  });

  test('HEAD has the headers of GET', async () => {
    new Gauge({ name: 'g', help: 'g', registers: [registry] });
    const url = await serve();
    const headers = { 'accept-encoding': 'gzip' };
    const head = await ask(url, { method: 'HEAD', headers });
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-encoding': 'gzip' } });
    expect(Number(head.headers['content-length'])).toBeGreaterThan(100);
  });
});

describe('scrapes at the same time', () => {
  test('share one collection in the same format, and one more in the other', async () => {
    const asked = slowGauge();
    const url = await serve();
    const open = { accept: 'application/openmetrics-text' };
    const answers = [
      ask(url),
      ask(url),
      ask(url, { headers: { 'accept-encoding': 'gzip' } }),
      ask(url, { headers: open }),
    ];
    await eventually('4 requests', () => responses.length === 4);
    await eventually('2 collections', () => asked.length === 2);
    asked.forEach((settle) => settle());
    const [first, second, third, fourth] = await Promise.all(answers);
    expect(second!.body).toBe(first!.body);
    expect(third!.headers['content-encoding']).toBe('gzip');
    // The answer in the other format may be out before this one is written.
    expect(first!.body).toMatch(/\nprofiled_scrapes_in_flight [34]\n/);
    parseOpenMetrics(fourth!.body);
    const next = ask(url);
    await eventually('3 collections', () => asked.length === 3);
    asked[2]!();
    expect((await next).body).toContain('\nprofiled_scrapes_in_flight 1\n');
  });

  test('do not share when one of them has less time', async () => {
    const asked = slowGauge();
    const url = await serve();
    const patient = ask(url);
    await eventually('1 collections', () => asked.length === 1);
    const hasty = await ask(url, { headers: { 'x-prometheus-scrape-timeout-seconds': '0.01' } });
    expect(hasty.status).toBe(200);
    expect(hasty.body).toContain('profiled_scrape_errors_total{reason="timeout"} 1\n');
    asked.forEach((settle) => settle());
    expect((await patient).body).toContain('\nslow 0\n');
  });

  test('are at most as many as allowed; one more is 503', async () => {
    const asked = slowGauge();
    const url = await serve({ maxScrapesInFlight: 2 });
    const under = [ask(url), ask(url)];
    await eventually('2 requests', () => responses.length === 2);
    const refused = await ask(url);
    expect(refused).toMatchObject({ status: 503, body: 'Too many scrapes at once', headers: { 'retry-after': '1' } });
    asked.forEach((settle) => settle());
    expect((await Promise.all(under)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await ask(`${url}?name[]=profiled_scrapes_in_flight`)).status).toBe(200);
  });

  test('one whose client went away makes room again', async () => {
    const asked = slowGauge();
    const url = await serve({ maxScrapesInFlight: 1 });
    const outgoing = httpRequest(url, { agent: false });
    const gone = once(outgoing, 'error');
    outgoing.end();
    await eventually('1 collections', () => asked.length === 1);
    outgoing.destroy();
    await gone;
    await eventually('the end of the connection', () => responses[0]!.destroyed);
    asked[0]!();
    await eventually('the end of the scrape', () => storeOf(registry).scrapes().inFlight.value === 0);
    expect((await ask(`${url}?name[]=profiled_scrapes_in_flight`)).status).toBe(200);
  });

  test('in large numbers, formats and codings mixed, all give what is there', async () => {
    many(10_000);
    const url = await serve({ maxScrapesInFlight: 100 });
    const codings = ['gzip', 'br', 'identity'];
    const bodies = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        raw(url, { 'accept-encoding': codings[i % 3]!, ...(i % 2 && { accept: 'application/openmetrics-text' }) }),
      ),
    );
    bodies.forEach(({ body }, i) => {
      const text = [zlib.gunzipSync, zlib.brotliDecompressSync, (same: Buffer) => same][i % 3]!(body).toString();
      const families = i % 2 ? parseOpenMetrics(text) : parseText(text);
      const values = families.find(({ name }) => name === 'many')!.samples.map(({ value }) => value);
      expect(values).toEqual(Array.from({ length: 10_000 }, (_, value) => value));
    });
  });
});

describe('what fails', () => {
  test('as a whole is 500, tells nothing to the client and all to the log', async () => {
    const lines: unknown[] = [];
    log.use('error', (_, fields, message) => lines.push([message, (fields.err as Error).message]));
    registry.getMetricsAsArray = () => {
      throw new Error('secret of the house');
    };
    const answer = await ask(await serve(), { headers: { 'accept-encoding': 'gzip' } });
    log.use('off', () => {});
    expect(answer).toMatchObject({ status: 500, body: 'Failed to collect metrics' });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(lines).toEqual([['a scrape failed', 'secret of the house']]);
    expect(storeOf(registry).scrapes().inFlight.value).toBe(0);
  });

  test('in one metric costs only that one, within the time that was set', async () => {
    slowGauge();
    new Gauge({ name: 'broken', help: 'b', registers: [registry], collect: () => Promise.reject(new Error('x')) });
    new Gauge({ name: 'healthy', help: 'h', registers: [registry] });
    const { status, body } = await ask(await serve({ collectTimeoutMs: 5 }));
    expect(status).toBe(200);
    expect(body).toContain('\nhealthy 0\n');
    expect(body).not.toMatch(/^(?:slow|broken) /m);
    expect(body).toContain('{reason="error"} 1\nprofiled_scrape_errors_total{reason="timeout"} 1\n');
  });

  test('in writing a metric costs only that one, too', async () => {
    const label = {
      toString() {
        throw new Error('no text');
      },
    };
    const family = { name: 'odd', help: 'o', type: 'gauge', values: [{ labels: { label }, value: 1 }] };
    registry.registerMetric({ ...family, get: async () => family } as never);
    const { status, body } = await ask(await serve());
    expect(status).toBe(200);
    expect(body).not.toContain('odd');
    expect(body).toContain('{reason="error"} 1\n');
  });

  test('in an update callback that hangs costs no metric, even with little time', async () => {
    const store = storeOf(registry);
    store.family({ type: 'gauge', name: 'own', help: 'o', labelNames: [] }).series({}).set(7);
    const hang = deferred();
    store.addUpdateCallback(() => hang.promise);
    const { body } = await ask(await serve(), { headers: { 'x-prometheus-scrape-timeout-seconds': '0.01' } });
    hang.resolve();
    expect(body).toContain('\nown 7\n');
  });
});

describe('what is asked', () => {
  test('name[] shows these metrics only, and none for names that there are not', async () => {
    new Counter({ name: 'jobs_total', help: 'j', registers: [registry] });
    new Gauge({ name: 'level', help: 'l', registers: [registry] });
    const url = await serve();
    expect((await ask(`${url}?name[]=level`)).body).toBe('# HELP level l\n# TYPE level gauge\nlevel 0\n');
    expect((await ask(`${url}?x=1&name%5B%5D=jobs&name[]=level`)).body).toMatch(/jobs_total 0\n\n# HELP level/);
    expect(await ask(`${url}?name[]=nothing`)).toMatchObject({ status: 200, body: '' });
    const open = await ask(`${url}?name[]=nothing`, { headers: { accept: 'application/openmetrics-text' } });
    expect(open.body).toBe('# EOF\n');
    expect((await ask(`${url}?%`)).status).toBe(200);
  });

  test('other methods are refused', async () => {
    for (const method of ['POST', 'OPTIONS', 'DELETE']) {
      expect(await ask(await serve(), { method })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    }
  });

  test('a path of its own is 404 elsewhere', async () => {
    const url = await serve({ path: '/metrics' });
    expect((await ask(`${url}?name[]=x`)).status).toBe(200);
    for (const path of ['/', '/metrics/', '/METRICS', '/favicon.ico']) {
      expect(await ask(new URL(path, url).href)).toMatchObject({ status: 404, body: 'Route not found' });
    }
  });
});

describe('what a scrape says of scrapes', () => {
  test('is there from the first one on, and grows', async () => {
    const url = await serve();
    const first = (await ask(url)).body;
    expect(first).toContain('# TYPE profiled_scrape_duration_seconds histogram\n');
    expect(first).toContain('\nprofiled_scrape_duration_seconds_count 0\n');
    expect(first).toContain('\nprofiled_scrapes_in_flight 1\n');
    expect(first).toContain('\nprofiled_scrape_errors_total{reason="error"} 0\n');
    expect((await ask(url)).body).toContain('\nprofiled_scrape_duration_seconds_count 1\n');
  });
});

test.each<[MetricsHandlerOptions, RegExp]>([
  [
    { maxScrapesInFlight: 0 },
    /PROFILED_CONFIG_INVALID: `maxScrapesInFlight` must be a whole number of 1 or more, got 0/,
  ],
  [{ maxScrapesInFlight: 1.5 }, /`maxScrapesInFlight`/],
  [{ collectTimeoutMs: 0 }, /`collectTimeoutMs` must be a number of milliseconds from 1 to 2147483647, got 0/],
  [{ collectTimeoutMs: Infinity }, /`collectTimeoutMs`/],
  [{ colour: 'red' } as MetricsHandlerOptions, /createMetricsHandler has no option `colour`/],
])('%j is refused', (options, message) => {
  expect(() => createMetricsHandler(options)).toThrow(message);
});
