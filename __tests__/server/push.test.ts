import { createServer as createTlsServer } from 'node:https';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { Counter, Gauge, Registry } from 'prom-client';
import { ProfiledError } from '../../lib/errors';
import { bindBeforeScrape, storeOf, unbindBeforeScrape, useRegistry } from '../../lib/metrics/store';
import type { PushOptions } from '../../lib/server/push/options';
import { pushMetrics } from '../../lib/server/push/push';
import { CLIENTS, pathOf } from '../support/certificates';
import { parseText } from '../support/exposition-parser';

interface Pushed {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

let registry: Registry;
let pushed: Pushed[];
let servers: (Server & { closeAllConnections(): void })[];

beforeEach(() => {
  registry = new Registry();
  new Counter({ name: 'jobs_total', help: 'j', registers: [registry] }).inc(3);
  pushed = [];
  servers = [];
});
afterEach(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

/** Where something listens that keeps what it gets, and answers with `status` and `text`; 0 = with nothing. */
async function gateway(status = 200, text = '', tls?: object): Promise<string> {
  const listener: RequestListener = (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method, url, headers } = request;
      pushed.push({ method, url, headers, body: Buffer.concat(parts) });
      if (status) response.writeHead(status).end(text);
    });
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const push = (url: string, options: Partial<PushOptions> = {}) =>
  pushMetrics({ url, job: 'nightly', registry, ...options });

async function refusal(promise: Promise<void>): Promise<ProfiledError> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (ProfiledError.is(error)) return error;
  throw new Error(`expected a ProfiledError, got ${String(error)}`);
}

describe('what is sent', () => {
  test.each([
    ['PUT', undefined],
    ['PUT', 'replace'],
    ['POST', 'add'],
  ] as const)('%s for mode %s, with the text format and its length', async (method, mode) => {
    await push(await gateway(), { mode });
    const [{ headers, body, ...line }] = pushed as [Pushed];
    expect(line).toEqual({ method, url: '/metrics/job/nightly' });
    expect(headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'content-length': String(body.length),
    });
    expect(headers.authorization).toBeUndefined();
    expect(parseText(body.toString()).find(({ name }) => name === 'jobs_total')!.samples[0]!.value).toBe(3);
  });

  test('DELETE with nothing, and nothing is collected for it', async () => {
    const collect = jest.fn();
    new Gauge({ name: 'g', help: 'g', registers: [registry], collect });
    await push(await gateway(202), { mode: 'delete' });
    expect(pushed).toMatchObject([{ method: 'DELETE', url: '/metrics/job/nightly', body: Buffer.alloc(0) }]);
    expect(collect).not.toHaveBeenCalled();
  });

  test('compressed if asked for', async () => {
    await push(await gateway(), { gzip: true });
    const [{ headers, body }] = pushed as [Pushed];
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(body.length) });
    expect(gunzipSync(body).toString()).toContain('\njobs_total 3\n');
  });

  test('in several chunks where it is large', async () => {
    const family = storeOf(registry).family({ type: 'gauge', name: 'many', help: 'm', labelNames: ['i'] });
    for (let i = 0; i < 8_000; i++) family.series({ i: `a somewhat longer value ${i}` }).set(i);
    await push(await gateway());
    const many = parseText(pushed[0]!.body.toString()).find(({ name }) => name === 'many')!;
    expect(many.samples.map(({ value }) => value)).toEqual(Array.from({ length: 8_000 }, (_, i) => i));
  });

  test('the shared registry, with what was decorated, unless another one is given', async () => {
    useRegistry(registry);
    const bind = () =>
      void storeOf(registry).family({ type: 'counter', name: 'bound_total', help: 'b', labelNames: [] }).series({});
    bindBeforeScrape('push', bind);
    await pushMetrics({ url: await gateway(), job: 'nightly' });
    unbindBeforeScrape('push');
    expect(pushed[0]!.body.toString()).toContain('\nbound_total 0\n');
  });

  test.each<[string, Partial<PushOptions>, string]>([
    ['a token', { authToken: 't0ken' }, 'Bearer t0ken'],
    ['user and password', { authBasic: 'ü:p w' }, `Basic ${Buffer.from('ü:p w').toString('base64')}`],
  ])('%s', async (_, options, authorization) => {
    await push(await gateway(), options);
    expect(pushed[0]!.headers.authorization).toBe(authorization);
  });

  test('over TLS, to a CA of one own and with a certificate to show', async () => {
    const [cert, key, ca] = ['server', 'server-key', 'ca'].map((name) => readFileSync(pathOf(name)));
    const url = await gateway(200, '', { cert, key, ca, requestCert: true });
    await push(url, { tls: CLIENTS.known });
    expect(pushed).toHaveLength(1);
    for (const tls of [undefined, CLIENTS.anyone]) {
      expect((await refusal(push(url, { tls }))).code).toBe('PROFILED_PUSH_FAILED');
    }
  });
});

describe('the group is the path', () => {
  test.each<[Record<string, string>, string]>([
    [{}, ''],
    [{ shard: '3', zone: 'a b' }, '/shard/3/zone/a%20b'],
    [{ shard: 'ü%?#&+@' }, '/shard/%C3%BC%25%3F%23%26%2B%40'],
    [{ path: '/var/tmp' }, '/path@base64/L3Zhci90bXA'],
    [{ empty: '' }, '/empty@base64/='],
    [{ here: '.', up: '..' }, '/here@base64/Lg/up@base64/Li4'],
    [{ odd: 'a\ud800' }, '/odd/a%EF%BF%BD'],
    [{ line: 'a\nb' }, '/line/a%0Ab'],
  ])('%j', async (grouping, path) => {
    await push(await gateway(), { grouping });
    expect(pushed[0]!.url).toBe(`/metrics/job/nightly${path}`);
  });

  test('the job too, below a path of the gateway', async () => {
    const url = await gateway();
    await push(`${url}/push/`, { job: 'a/b' });
    expect(pushed[0]!.url).toBe('/push/metrics/job@base64/YS9i');
  });
});

describe('what fails', () => {
  test("is told in the gateway's own words", async () => {
    const url = await gateway(400, 'pushed metrics are invalid:\n  seen twice\n');
    const error = await refusal(push(url));
    expect(error.message).toBe(
      `PROFILED_PUSH_FAILED: the Pushgateway at ${url}/metrics/job/nightly answered 400: pushed metrics are invalid: seen twice`,
    );
  });

  test('a long answer is cut', async () => {
    expect((await refusal(push(await gateway(500, 'x'.repeat(1e6))))).message.length).toBeLessThan(500);
  });

  test.each([301, 401, 404])('%i is a failure', async (status) => {
    expect((await refusal(push(await gateway(status)))).message).toMatch(new RegExp(`answered ${status}$`));
  });

  test('nothing that listens is told with its cause', async () => {
    const url = await gateway();
    servers[0]!.close();
    await once(servers[0]!, 'close');
    const error = await refusal(push(url));
    expect(error.code).toBe('PROFILED_PUSH_FAILED');
    expect(error.message).toMatch(/could not be reached: .*ECONNREFUSED/);
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('an answer that does not come is PROFILED_TIMEOUT, with the option to change', async () => {
    const error = await refusal(push(await gateway(0), { timeoutMs: 50 }));
    expect(error.code).toBe('PROFILED_TIMEOUT');
    expect(error.message).toMatch(/took longer than `timeoutMs`, 50 ms/);
  });

  test('a metric that does not come costs only itself', async () => {
    new Gauge({ name: 'stuck', help: 's', registers: [registry], collect: () => new Promise<void>(() => {}) });
    await push(await gateway(), { timeoutMs: 10_000 });
    const text = pushed[0]!.body.toString();
    expect(text).toContain('\njobs_total 3\n');
    expect(text).not.toContain('\nstuck ');
  });
});

test.each<[object, RegExp]>([
  [{ url: 'gateway:9091' }, /`url` of pushMetrics must be the address of a Pushgateway/],
  [{ url: 'http://user:secret@gateway' }, /`url` .* without credentials .*not shown/],
  [{ url: 'http://gateway?x' }, /`url`/],
  [{ url: undefined }, /`url`/],
  [{ job: '' }, /`job` of pushMetrics must be a text that is not empty, got ""/],
  [{ grouping: { job: 'x' } }, /`grouping` .* `job` left out/],
  [{ grouping: { 'a-b': 'x' } }, /`grouping` .* got "a-b"/],
  [{ grouping: { __x: 'x' } }, /`grouping`/],
  [{ grouping: { n: 1 } }, /`grouping.n` of pushMetrics must be a text, got 1/],
  [{ grouping: null }, /`grouping`/],
  [{ mode: 'push' }, /`mode` of pushMetrics must be one of replace, add, delete, got "push"/],
  [{ timeoutMs: 0 }, /`timeoutMs`/],
  [{ timeoutMs: 2 ** 31 }, /`timeoutMs`/],
  [{ gzip: 'yes' }, /`gzip`/],
  [{ authToken: 'two secrets' }, /`authToken` of pushMetrics must be a token .*not shown/],
  [{ authBasic: 'secret' }, /`authBasic` .*not shown/],
  [{ authToken: 'secret', authBasic: 'a:secret' }, /`authToken` .* left out where `authBasic` is given/],
  [{ colour: 'red' }, /pushMetrics has no option `colour`/],
])('%j is refused', async (options, message) => {
  const error = await refusal(push('http://127.0.0.1:1', options));
  expect(error.code).toBe('PROFILED_CONFIG_INVALID');
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain('secret');
});
