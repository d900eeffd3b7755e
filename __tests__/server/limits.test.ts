import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Registry } from 'prom-client';
import { readAccess } from '../../lib/config/access-files';
import { loadSettings } from '../../lib/config/settings';
import { Health } from '../../lib/server/health';
import { listen, type Listening } from '../../lib/server/listen';
import { resolveScrapeLimits } from '../../lib/server/scrape-limits';
import { SERVER_LIMITS } from '../../lib/server/server-limits';
import { pathOf } from '../support/certificates';
import { eventually } from '../support/eventually';

let listening: Listening | undefined;
let sockets: Socket[];

beforeEach(() => void (sockets = []));
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  listening!.server.closeAllConnections();
  listening!.server.close();
  await once(listening!.server, 'close');
});

/** The system server with its own limits but for those given. */
async function serve(
  limits: Partial<typeof SERVER_LIMITS> = {},
  registry = new Registry(),
  system = {},
): Promise<void> {
  const settings = loadSettings({ system: { host: '127.0.0.1', port: 0, ...system } });
  const access = readAccess(settings.system, { withTls: true });
  const context = { registry, health: new Health(), settings, access, limits: resolveScrapeLimits({}) };
  listening = await listen(context, () => true, { ...SERVER_LIMITS, ...limits });
}

async function open(): Promise<Socket> {
  const socket = connect(listening!.port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** The server has ended the connection. A reset does that too, for what is written after the answer; `once` of events would throw it. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** All that comes until the server ends the connection. */
async function answerTo(...parts: string[]): Promise<string> {
  const socket = await open();
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  for (const part of parts) socket.write(part);
  await closed(socket);
  return answer;
}

const request = (path: string, headers: readonly string[] = []) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n');
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+) /.exec(answer)?.[1]);
/** What would help someone who looks for a way in. */
const LEAK = /node|express|profiled@|\/lib\/|\bat [\w.]+ \(|version|x-powered-by|^server:/im;

describe('the size of a request', () => {
  test('a path and query up to the limit are taken, a longer one is 414', async () => {
    await serve();
    const path = (length: number) => `/live?${'x'.repeat(length - '/live?'.length)}`;
    expect(statusOf(await answerTo(request(path(SERVER_LIMITS.maxUrlLength))))).toBe(200);
    const refused = await answerTo(request(path(SERVER_LIMITS.maxUrlLength + 1)));
    expect(statusOf(refused)).toBe(414);
    expect(refused).toMatch(/^connection: close\r$/im);
    expect(refused).not.toMatch(LEAK);
  });

  test('a hundred headers are taken, more are 431', async () => {
    await serve();
    const headers = (count: number) => Array.from({ length: count - 2 }, (_, i) => `x-${i}: ${i}`);
    expect(statusOf(await answerTo(request('/live', headers(100))))).toBe(200);
    for (const count of [101, 102, 500]) {
      const refused = await answerTo(request('/live', headers(count)));
      expect(statusOf(refused)).toBe(431);
      expect(refused).not.toMatch(LEAK);
    }
  });

  test.each([
    ['one long header', ['x: ' + 'y'.repeat(SERVER_LIMITS.maxHeaderBytes)], '/live'],
    ['many middling ones', Array.from({ length: 90 }, (_, i) => `x-${i}: ${'y'.repeat(200)}`), '/live'],
    ['a path longer than all headers may be', [], `/live?${'x'.repeat(SERVER_LIMITS.maxHeaderBytes)}`],
  ])('%s is 431', async (_, headers, path) => {
    await serve();
    const refused = await answerTo(request(path, headers));
    expect(statusOf(refused)).toBe(431);
    expect(refused).not.toMatch(LEAK);
  });
});

describe('time', () => {
  const soon = { checkIntervalMs: 10 };

  test('headers that do not come are 408', async () => {
    await serve({ ...soon, headersTimeoutMs: 50 });
    expect(statusOf(await answerTo('GET /live HTTP/1.1\r\nHost: x\r\n'))).toBe(408);
  });

  test('headers that come drop by drop are 408 as well', async () => {
    await serve({ ...soon, headersTimeoutMs: 50 });
    const socket = await open();
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.write('GET /live HTTP/1.1\r\n');
    const drip = setInterval(() => socket.writable && socket.write('x: y\r\n'), 5);
    await closed(socket);
    clearInterval(drip);
    expect(statusOf(answer)).toBe(408);
  });

  test('a body that does not come does not hold the connection', async () => {
    await serve({ ...soon, headersTimeoutMs: 50, requestTimeoutMs: 100 });
    const answer = await answerTo('POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n');
    // The method is refused at once, or on a busy machine the time is over first.
    expect([405, 408]).toContain(statusOf(answer));
    expect(answer).not.toMatch(LEAK);
  });

  test('an idle connection is closed', async () => {
    await serve({ keepAliveTimeoutMs: 20 });
    expect(statusOf(await answerTo('GET /live HTTP/1.1\r\nHost: x\r\n\r\n'))).toBe(200);
  });

  test('a TLS handshake that does not come ends the connection', async () => {
    const tls = { tlsCertPath: pathOf('server'), tlsKeyPath: pathOf('server-key') };
    await serve({ handshakeTimeoutMs: 50 }, new Registry(), tls);
    expect(await answerTo('')).toBe('');
  });

  test('limits are looked at often enough to hold', () => {
    expect(SERVER_LIMITS.checkIntervalMs * 5).toBeLessThan(SERVER_LIMITS.headersTimeoutMs);
  });
});

test('a connection too many is closed at once, and taken again when one has ended', async () => {
  await serve();
  const { maxConnections } = SERVER_LIMITS;
  for (let i = 0; i < maxConnections; i++) await open();
  const count = () =>
    new Promise<number>((resolve) => listening!.server.getConnections((_, connections) => resolve(connections)));
  await eventually('all connections', async () => (await count()) === maxConnections);
  expect(await answerTo(request('/live'))).toBe('');
  sockets[0]!.destroy();
  await eventually('room for one', async () => (await count()) < maxConnections);
  expect(statusOf(await answerTo(request('/live')))).toBe(200);
});

describe('answers tell nothing of what answers', () => {
  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['no such version', 'GET /metrics HTTP/9.9\r\n\r\n', 400],
    ['no host', 'GET /live HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['a path that can not be decoded', request('/%E0%A4%A'), 404],
    ['a path that is none', request('//[::'), 404],
    ['an address that is none', request('http://['), 404],
    ['up and away', request('/../../etc/passwd'), 404],
    ['a null', request('/\\0'), 404],
    ['TRACE', request('/metrics').replace('GET', 'TRACE'), 405],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', NaN],
    ['two lengths', request('/live', ['Content-Length: 1', 'Content-Length: 2']), 400],
    ['length and chunks', request('/live', ['Content-Length: 1', 'Transfer-Encoding: chunked']), 400],
    ['another expectation', request('/live', ['Expect: the-unexpected']), 417],
  ])('%s', async (_, text, status) => {
    await serve();
    const answer = await answerTo(text);
    expect(statusOf(answer)).toBe(status);
    expect(answer).not.toMatch(LEAK);
  });

  test('a scrape that fails', async () => {
    const registry = new Registry();
    registry.getMetricsAsArray = () => {
      throw new Error('at secret (/lib/node)');
    };
    await serve({}, registry);
    const answer = await answerTo(request('/metrics'));
    expect(statusOf(answer)).toBe(500);
    expect(answer).not.toMatch(LEAK);
  });
});
