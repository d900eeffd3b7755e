import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Registry } from 'prom-client';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import { log } from '../../lib/internal/logger';
import { Health } from '../../lib/server/health';
import { createFetchHandler } from '../../lib/server/fetch-handler';
import { createMetricsHandler } from '../../lib/server/metrics-handler';
import { createSystemRouter } from '../../lib/server/router';
import type { SystemServer } from '../../lib/server/running-server';
import { startSystemServer, systemServerInfo, type SystemServerOptions } from '../../lib/server/system-server';
import { ask } from '../support/http';

const TOKEN = 'correct-token';
const USER = 'scraper:correct password: ü';
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

afterEach(async () => {
  if (systemServerInfo()) await (await startSystemServer()).stop();
});

const start = (options: SystemServerOptions): Promise<SystemServer> =>
  startSystemServer({ host: '127.0.0.1', port: 0, registry: new Registry(), ...options });
const scrape = (server: SystemServer, authorization?: string, method = 'GET') =>
  ask(`${server.address}/metrics`, { method, headers: authorization === undefined ? {} : { authorization } });

describe('a token', () => {
  test.each([
    ['the right one', `Bearer ${TOKEN}`, 200],
    ['its scheme in any case', `bearer ${TOKEN}`, 200],
    ['none', undefined, 401],
    ['an empty one', 'Bearer ', 401],
    ['another one', 'Bearer other', 401],
    ['the beginning of it', `Bearer ${TOKEN.slice(0, -1)}`, 401],
    ['more than it', `Bearer ${TOKEN}s`, 401],
    ['in another case', `Bearer ${TOKEN.toUpperCase()}`, 401],
    ['it alone', TOKEN, 401],
    ['under another scheme', `Token ${TOKEN}`, 401],
    ['as a password', basic(TOKEN), 401],
    ['a long one', `Bearer ${'x'.repeat(10_000)}`, 401],
  ])('%s', async (_, authorization, status) => {
    const server = await start({ authToken: TOKEN });
    const answer = await scrape(server, authorization);
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.body).toContain('uptime_seconds');
    else {
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="metrics"');
      expect(answer.body).toBe('Unauthorized');
    }
  });
});

describe('user and password', () => {
  test.each([
    ['the right ones', basic(USER), 200],
    ['another password', basic('scraper:other'), 401],
    ['another user', basic(USER.replace('scraper', 'Scraper')), 401],
    ['no password', basic('scraper'), 401],
    ['no base64', 'Basic §§§', 401],
    ['as a token', `Bearer ${USER.replace(' ü', '')}`, 401],
    ['none', undefined, 401],
  ])('%s', async (_, authorization, status) => {
    const server = await start({ authBasic: USER });
    const answer = await scrape(server, authorization && Buffer.from(authorization).toString('latin1'));
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.headers['www-authenticate']).toBe('Basic realm="metrics", charset="UTF-8"');
  });
});

test('probes need nothing, and other paths tell nothing', async () => {
  const server = await start({ authToken: TOKEN, startingHealthStatus: 'ready' });
  for (const [path, status] of Object.entries({ '/health': 200, '/live': 200, '/nowhere': 404 }))
    expect((await ask(server.address + path)).status).toBe(status);
});

test('who may not scrape is told so before anything else, whatever the method', async () => {
  const server = await start({ authToken: TOKEN });
  for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
    const answer = await scrape(server, undefined, method);
    expect([answer.status, answer.headers.allow]).toEqual([401, undefined]);
  }
  expect((await scrape(server, `Bearer ${TOKEN}`, 'POST')).status).toBe(405);
});

test('the token of the environment holds wherever the metrics are mounted', async () => {
  process.env.DYN_SYSTEM_AUTH_TOKEN = TOKEN;
  let listener: Server | undefined;
  try {
    const options = { registry: new Registry(), health: new Health() };
    listener = createServer(createMetricsHandler(options)).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/`;
    expect((await ask(url)).status).toBe(401);
    expect((await ask(url, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
    const handler = createFetchHandler(options);
    expect((await handler(new Request(url))).status).toBe(401);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await handler(new Request(url, { headers }))).status).toBe(200);
    expect(() => createSystemRouter({ authBasic: USER })).toThrow(
      /DYN_SYSTEM_AUTH_TOKEN and option `system.authBasic` are given together/,
    );
  } finally {
    delete process.env.DYN_SYSTEM_AUTH_TOKEN;
    listener?.close();
  }
});

test('a token given to a runtime holds for the server that the environment asks for', async () => {
  Object.assign(process.env, { DYN_SYSTEM_PORT: '0', DYN_SYSTEM_HOST: '127.0.0.1' });
  try {
    const runtime = await DistributedRuntime.fromSettings({ requestPlane: 'memory', system: { authToken: TOKEN } });
    const url = `${runtime.systemServerInfo()!.address}/metrics`;
    expect((await ask(url)).status).toBe(401);
    expect((await ask(url, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
    await runtime.shutdown();
    expect(systemServerInfo()).toBeUndefined();
  } finally {
    delete process.env.DYN_SYSTEM_PORT;
    delete process.env.DYN_SYSTEM_HOST;
  }
});

test('a refused scrape is logged, without what it brought', async () => {
  const lines: string[] = [];
  const server = await start({ authToken: TOKEN });
  log.use('trace', (level, fields, message) => lines.push(`${level} ${message} ${inspect(fields, { depth: null })}`));
  await scrape(server, 'Bearer almost-correct');
  await scrape(server, `Bearer ${TOKEN}`);
  log.use('off', () => {});
  expect(lines).toEqual([expect.stringMatching(/^warn a scrape was refused: it did not bring the credentials/)]);
  expect(lines.join()).not.toContain('correct');
});

test('what is known of the server shows no secret', async () => {
  const server = await start({ authToken: TOKEN });
  for (const value of [server, systemServerInfo(), globalThis])
    expect(inspect(value, { depth: 6, showHidden: true })).not.toContain(TOKEN);
});

test('a start that can not change the access of the running server says so, without the secret', async () => {
  await start({ authToken: TOKEN });
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  await startSystemServer({ authToken: TOKEN });
  expect(warn).not.toHaveBeenCalled();
  await startSystemServer({ authToken: 'other-token' });
  await startSystemServer({ authBasic: 'other:secret' });
  expect(warn.mock.calls.map(([message]) => message)).toEqual([
    expect.stringMatching(/the system server already runs at http:.*; `authToken` can not be honoured$/),
    expect.stringMatching(/the system server already runs at http:.*; `authBasic` can not be honoured/),
  ]);
  warn.mockRestore();
});
