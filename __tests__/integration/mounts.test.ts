import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseOpenMetrics, parseText } from '../support/exposition-parser';
import { ask } from '../support/http';
import { killSamples, ROOT, start } from '../support/sample';

const SAMPLES = readdirSync(join(ROOT, 'samples/mounts')).map((file) => file.replace(/\.ts$/, ''));

jest.setTimeout(40_000);
afterEach(killSamples);

/** The bytes of an answer as they came, and how they were coded. */
function raw(url: string, headers: Record<string, string>): Promise<{ coding: string | undefined; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ coding: response.headers['content-encoding'], body: Buffer.concat(parts) }));
    });
    outgoing.on('error', reject).end();
  });
}

type Families = ReturnType<typeof parseText>;
const requestsIn = (families: Families) => {
  const samples = families.flatMap((family) => family.samples).filter(({ name }) => name === 'requests_total');
  return samples.map(({ value }) => value);
};

test('there is one for each way to mount', () => {
  expect(SAMPLES.sort()).toEqual(['express', 'fastify', 'hono', 'nestjs', 'node-http']);
});

test.each(SAMPLES)('%s has at most 30 lines', (name) => {
  const text = readFileSync(join(ROOT, `samples/mounts/${name}.ts`), 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(30);
});

test.each(SAMPLES)('%s, a process of its own, is scraped like any other', async (name) => {
  const sample = await start(`mounts/${name}`, { PORT: '0' }, /^curl/);
  const [greeting, metrics] = Array.from(
    sample.output.matchAll(/http:\/\/localhost(:\S+?)(?=;|$)/g),
    ([, rest]) => `http://127.0.0.1${rest}`,
  ) as [string, string];
  expect(await ask(greeting)).toMatchObject({ status: 200, body: 'hello you\n' });

  const text = await ask(metrics);
  expect(text).toMatchObject({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
  expect(text.headers.vary).toBe('Accept, Accept-Encoding');
  expect(requestsIn(parseText(text.body))).toEqual([1]);

  const open = await ask(metrics, { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });
  expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(requestsIn(parseOpenMetrics(open.body))).toEqual([1]);

  const { coding, body } = await raw(metrics, { 'accept-encoding': 'gzip' });
  expect(coding).toBe('gzip');
  expect(requestsIn(parseText(gunzipSync(body).toString()))).toEqual([1]);

  const filtered = await ask(`${metrics}?name[]=requests_total`);
  expect(parseText(filtered.body).map((family) => family.name)).toEqual(['requests_total']);

  const head = await ask(metrics, { method: 'HEAD' });
  expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-type': text.headers['content-type'] } });
  const refused = await ask(metrics, { method: 'POST' });
  expect(refused).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });

  if (name === 'express') expect(text.body).toContain('\napp_greetings_total 1\n');
  expect(await sample.interrupt()).toEqual({ code: 0, stderr: '' });
});

test.each(SAMPLES)('%s asks for the token of the environment', async (name) => {
  const sample = await start(`mounts/${name}`, { PORT: '0', DYN_SYSTEM_AUTH_TOKEN: 'token' }, /^curl/);
  const path = name === 'express' ? '/internal/metrics' : '/metrics';
  const url = `http://127.0.0.1:${sample.port}${path}`;
  expect(await ask(url)).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="metrics"' } });
  expect((await ask(url, { headers: { authorization: 'Bearer token' } })).status).toBe(200);
});
