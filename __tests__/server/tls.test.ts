import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { Agent } from 'node:https';
import { Registry } from 'prom-client';
import { ProfiledError } from '../../lib/errors';
import { startSystemServer, systemServerInfo, type SystemServerOptions } from '../../lib/server/system-server';
import { CLIENTS, PASSPHRASE, pathOf } from '../support/certificates';
import { compileLib, startNode } from '../support/child';
import { ask } from '../support/http';

const lib = compileLib();
const TLS = { tlsCertPath: pathOf('server'), tlsKeyPath: pathOf('server-key') };

afterEach(async () => {
  if (systemServerInfo()) await (await startSystemServer()).stop();
});

const start = (options: SystemServerOptions) =>
  startSystemServer({ host: '127.0.0.1', port: 0, registry: new Registry(), ...options });

describe('a server with a certificate', () => {
  test('is https by its address and its info, for a client that knows the CA', async () => {
    const server = await start(TLS);
    expect(server.address).toBe(`https://127.0.0.1:${server.port}`);
    expect(systemServerInfo()!.address).toBe(server.address);
    const { status, body } = await ask(`${server.address}/metrics`, { tls: CLIENTS.anyone });
    expect([status, body.includes('uptime_seconds')]).toEqual([200, true]);
    await expect(ask(`${server.address}/metrics`)).rejects.toThrow(/certificate/);
  });

  test('opens an encrypted key', async () => {
    const server = await start({
      ...TLS,
      tlsKeyPath: pathOf('server-key-encrypted'),
      tlsKeyPassphrase: PASSPHRASE,
    });
    expect((await ask(`${server.address}/live`, { tls: CLIENTS.anyone })).status).toBe(200);
  });

  test('asks for credentials as well', async () => {
    const server = await start({ ...TLS, authToken: 'token' });
    const scrape = (headers: Record<string, string>) =>
      ask(`${server.address}/metrics`, { tls: CLIENTS.anyone, headers });
    expect((await scrape({})).status).toBe(401);
    expect((await scrape({ authorization: 'Bearer token' })).status).toBe(200);
  });

  test('answers plain HTTP with nothing, and stays up', async () => {
    const server = await start(TLS);
    await expect(ask(`http://127.0.0.1:${server.port}/metrics`)).rejects.toThrow();
    expect((await ask(`${server.address}/live`, { tls: CLIENTS.anyone })).status).toBe(200);
  });

  test('refuses TLS 1.1', async () => {
    const server = await start(TLS);
    const socket = tlsConnect({
      port: server.port,
      host: '127.0.0.1',
      ...CLIENTS.anyone,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toMatch(/alert|version/i);
  });

  test('stops with a handshake under way', async () => {
    const server = await start(TLS);
    const silent = connect(server.port, '127.0.0.1');
    await once(silent, 'connect');
    const closed = once(silent, 'close');
    await server.stop();
    await closed;
  });
});

describe('a server with a client CA', () => {
  const mutual = () => start({ ...TLS, tlsClientCaPath: pathOf('ca') });

  test('answers who has a certificate of it', async () => {
    const server = await mutual();
    expect((await ask(`${server.address}/metrics`, { tls: CLIENTS.known })).status).toBe(200);
  });

  test.each(['anyone', 'stranger'] as const)('refuses %s, on every path', async (client) => {
    const server = await mutual();
    for (const path of ['/metrics', '/health', '/live'])
      await expect(ask(server.address + path, { tls: CLIENTS[client] })).rejects.toThrow();
  });

  test('does not resume for a client without one what it began with none', async () => {
    const server = await mutual();
    const attempt = async (session?: Buffer) => {
      const socket = tlsConnect({ port: server.port, host: '127.0.0.1', ...CLIENTS.anyone, session });
      let got: Buffer | undefined;
      let answer = '';
      socket.on('session', (ticket: Buffer) => (got = ticket));
      socket.on('data', (data) => (answer += data.toString()));
      socket.on('error', () => {});
      socket.on('secureConnect', () => socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
      await new Promise((resolve) => socket.on('close', resolve));
      return { got, answer };
    };
    const { got, answer } = await attempt();
    expect([answer, (await attempt(got)).answer]).toEqual(['', '']);
  });
});

test('files that can not be used are a start that fails, with everything that is wrong', async () => {
  const error: unknown = await start({
    tlsCertPath: '/no/cert.pem',
    tlsKeyPath: pathOf('server'),
    authTokenFile: '/no/token',
  }).catch((reason: unknown) => reason);
  if (!ProfiledError.is(error)) throw new Error('expected a ProfiledError');
  expect(error.code).toBe('PROFILED_CONFIG_INVALID');
  for (const name of ['DYN_SYSTEM_TLS_CERT_PATH', 'DYN_SYSTEM_TLS_KEY_PATH', 'DYN_SYSTEM_AUTH_TOKEN_FILE'])
    expect(error.message).toContain(name);
  expect(systemServerInfo()).toBeUndefined();
});

describe('a server that the environment started', () => {
  const env = {
    DYN_SYSTEM_PORT: '0',
    DYN_SYSTEM_HOST: '127.0.0.1',
    DYN_SYSTEM_TLS_CERT_PATH: pathOf('server'),
    DYN_SYSTEM_TLS_KEY_PATH: pathOf('server-key'),
    DYN_SYSTEM_AUTH_TOKEN: 'very-secret-token',
  };
  const program = `
    require('${lib}/server/auto-start').autoStartSystemServer().then((info) => console.log(info ? info.address : 'none'));
    process.stdin.resume();
  `;

  test('speaks TLS, and does not keep the process alive for an open connection', async () => {
    const child = startNode(program, env);
    const agent = new Agent({ keepAlive: true, ...CLIENTS.anyone });
    const url = `${await child.firstLine}/metrics`;
    expect(url).toMatch(/^https:/);
    const headers = { authorization: 'Bearer very-secret-token' };
    for (let i = 0; i < 2; i++) expect((await ask(url, { agent, headers })).status).toBe(200);
    child.endInput();
    expect(await child.finished).toMatchObject({ code: 0, signal: null, stderr: '' });
    agent.destroy();
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      'file',
      { DYN_SYSTEM_TLS_CERT_PATH: '/no/cert' },
      /the system server did not start: .*DYN_SYSTEM_TLS_CERT_PATH.*ENOENT/,
    ],
    [
      'combination',
      { DYN_SYSTEM_AUTH_BASIC: 'very:secret' },
      /DYN_SYSTEM_AUTH_TOKEN and DYN_SYSTEM_AUTH_BASIC are given/,
    ],
    ['value', { DYN_SYSTEM_AUTH_TOKEN: 'very secret' }, /DYN_SYSTEM_AUTH_TOKEN is a secret that is not shown/],
  ])('does not start open for a bad %s; the process runs on and is told', async (_, bad, message) => {
    const child = startNode(program, { ...env, ...bad, DYN_LOG: 'trace' });
    expect(await child.firstLine).toBe('none');
    child.endInput();
    const { code, stderr } = await child.finished;
    expect(code).toBe(0);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('very');
  });
});
