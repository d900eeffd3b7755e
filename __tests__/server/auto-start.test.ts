import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compileLib, runNode, startNode } from '../support/child';
import { ask } from '../support/http';

const lib = compileLib();
const copy = compileLib();
const anyPort = { DYN_SYSTEM_PORT: '0', DYN_SYSTEM_HOST: '127.0.0.1' };

/** Turns the event loop until the server runs, then calls `then(info)`. */
const WHEN_STARTED = `
  const { systemServerInfo } = require('${lib}/server/system-server');
  const whenStarted = (then) => {
    const info = systemServerInfo();
    if (info) then(info);
    else setImmediate(whenStarted, then);
  };
`;

/** Tells the address, then lives until its stdin ends. */
const UNTIL_INPUT_ENDS = `
  ${WHEN_STARTED}
  whenStarted(({ address }) => console.log(address));
  process.stdin.resume();
`;

describe('a server that the environment started', () => {
  test.each([
    ['autoStart()', `require('${lib}/server/auto-start').autoStart();`, []],
    ['--require profiled/register', '', ['--require', `${lib}/register.js`]],
    ['--import profiled/register', '', ['--import', `${lib}/register.js`]],
  ])('through %s serves, and the process ends by itself', async (_, program, args) => {
    const child = startNode(program + UNTIL_INPUT_ENDS, anyPort, args);
    const { status, body } = await ask(`${await child.firstLine}/metrics`);
    expect(status).toBe(200);
    expect(body).toContain('uptime_seconds{namespace="http_server"}');
    child.endInput();
    expect(await child.finished).toMatchObject({ code: 0, stderr: '' });
  });

  test('does not keep the process alive for a scraper that keeps its connection open', async () => {
    const agent = new Agent({ keepAlive: true });
    const child = startNode(`require('${lib}/register');${UNTIL_INPUT_ENDS}`, {
      ...anyPort,
      DYN_SYSTEM_PROCESS_METRICS: 'true',
    });
    const address = await child.firstLine;
    await ask(`${address}/metrics`, { agent });
    await ask(`${address}/metrics`, { agent });
    child.endInput();
    expect(await child.finished).toMatchObject({ code: 0, signal: null });
    agent.destroy();
  });

  test('starts after the current tick, so a variable set in it still counts', async () => {
    const program = `
      require('${lib}/server/auto-start').autoStart();
      process.env.DYN_SYSTEM_PORT = '0';
      ${UNTIL_INPUT_ENDS}
    `;
    const child = startNode(program, { DYN_SYSTEM_ENABLED: 'true' });
    expect(await child.firstLine).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    child.endInput();
    expect((await child.finished).code).toBe(0);
  });

  test('is started once, however often and from however many copies of the package', async () => {
    const program = `
      const one = require('${lib}/server/auto-start');
      const other = require('${copy}/server/auto-start');
      one.autoStart();
      other.autoStart();
      Promise.all([one.autoStartSystemServer(), other.autoStartSystemServer()]).then(async ([a, b]) => {
        const explicit = await require('${copy}/server/system-server').startSystemServer();
        const health = require('${copy}/server/health').health === require('${lib}/server/health').health;
        console.log(JSON.stringify([a.port > 0, a === b, explicit === a, health]));
        await explicit.stop();
        console.log(require('${lib}/server/system-server').systemServerInfo());
      });
    `;
    expect(await runNode(program, anyPort)).toMatchObject({
      code: 0,
      stdout: '[true,true,true,true]\nundefined\n',
      stderr: '',
    });
  });
});

describe('an explicit start', () => {
  const explicit = `require('${lib}/server/system-server').startSystemServer()`;
  const TELL = '.then(({ address }) => console.log(address));';

  test.each([
    ['alone', explicit + TELL],
    ['while an automatic one is under way', `require('${lib}/register'); ${explicit}${TELL}`],
    [
      'after an automatic one',
      `require('${lib}/server/auto-start').autoStartSystemServer().then(() => ${explicit})${TELL}`,
    ],
  ])('%s keeps the process alive until stop()', async (_, program) => {
    const child = startNode(program, anyPort);
    const address = await child.firstLine;
    // Connections of their own: between them nothing but the listening socket holds the process.
    for (let i = 0; i < 3; i++) expect((await ask(`${address}/live`)).status).toBe(200);
    child.kill();
    expect((await child.finished).signal).toBe('SIGTERM');
  });

  test('ends the process by stop()', async () => {
    expect(await runNode(`${explicit}.then((server) => server.stop())`, anyPort)).toMatchObject({
      code: 0,
      signal: null,
    });
  });

  test('tries its own port when the automatic one failed on its', async () => {
    const taken = createServer().listen(0, 'localhost');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    // Looking the name up takes longer than a turn, so that the explicit start finds the other one under way.
    const program = `
      require('${lib}/server/auto-start').autoStartSystemServer();
      setImmediate(async () => {
        const server = await require('${lib}/server/system-server').startSystemServer({ port: 0 });
        console.log(server.port > 0);
        await server.stop();
      });
    `;
    const { code, stdout } = await runNode(program, { DYN_SYSTEM_HOST: 'localhost', DYN_SYSTEM_PORT: port });
    taken.close();
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'true\n' });
  });

  test('that failed leaves a later automatic one free not to keep the process alive', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const program = `
      require('${lib}/server/system-server').startSystemServer({ port: ${port} }).catch(async (error) => {
        const info = await require('${lib}/server/auto-start').autoStartSystemServer();
        console.log(error.code, info.port > 0);
      });
    `;
    const { code, signal, stdout } = await runNode(program, anyPort);
    taken.close();
    expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: 'PROFILED_PORT_IN_USE true\n' });
  });

  const isRoot = process.getuid?.() === 0;
  (isRoot ? test : test.skip)('on a privileged port without privileges says so', async () => {
    const program = `
      const { readFileSync } = require('node:fs');
      const firstFree = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
      const { startSystemServer } = require('${lib}/server/system-server');
      process.setgroups([]);
      process.setgid(65534);
      process.setuid(65534);
      if (firstFree <= 80) console.log('PROFILED_PORT_DENIED'); // This machine has no privileged ports.
      else startSystemServer({ port: 80 }).catch((error) => console.log(error.code));
    `;
    expect(await runNode(program)).toMatchObject({ code: 0, stdout: 'PROFILED_PORT_DENIED\n', stderr: '' });
  });
});

describe('when it does not start', () => {
  const AWAIT_IT = `
    require('${lib}/server/auto-start').autoStartSystemServer().then((info) => console.log('goes on', info));
  `;

  test('because nothing asks for it, nothing is said and awaiting it ends', async () => {
    expect(await runNode(AWAIT_IT)).toEqual({ code: 0, signal: null, stdout: 'goes on undefined\n', stderr: '' });
  });

  test('because the port is in use, a warning names port, variable and way out, and the program goes on', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const result = await runNode(AWAIT_IT, { ...anyPort, DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_PORT: String(port) });
    taken.close();
    expect(result).toMatchObject({ code: 0, stdout: 'goes on undefined\n' });
    expect(result.stderr).toMatch(/\[PROFILED_PORT_IN_USE\] ProfiledWarning: the system server did not start: /);
    expect(result.stderr).toContain(`port ${port} (DYN_SYSTEM_PORT`);
    expect(result.stderr).toContain('choose another port');
    expect(result.stderr.match(/ProfiledWarning/g)).toHaveLength(1);
  });

  test('every problem of the environment is a warning, though the server is not enabled', async () => {
    const env = { DYN_LOG: 'loud', DYN_METRICS_NAMING: 'fancy' };
    const { code, stderr } = await runNode(AWAIT_IT, env);
    expect(code).toBe(0);
    expect(stderr).toMatch(/\[PROFILED_CONFIG_INVALID\] ProfiledWarning: DYN_LOG is 'loud'; expected/);
    expect(stderr).toMatch(/\[PROFILED_CONFIG_INVALID\] ProfiledWarning: DYN_METRICS_NAMING is 'fancy'; expected/);
  });

  test('warnings are shown once, however often the start is asked for', async () => {
    const program = `require('${lib}/server/auto-start').autoStart(); require('${lib}/register'); ${AWAIT_IT}`;
    const { stderr } = await runNode(program, { DYN_LOG: 'loud' });
    expect(stderr.match(/ProfiledWarning/g)).toHaveLength(1);
  });

  test('the failure is logged, too', async () => {
    const env = { ...anyPort, DYN_SYSTEM_HOST: '192.0.2.1', DYN_LOG: 'error', DYN_LOGGING_JSONL: '1' };
    const { stderr } = await runNode(AWAIT_IT, env);
    const line = stderr.split('\n').find((text) => text.startsWith('{'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'error', code: 'PROFILED_LISTEN_FAILED' });
  });
});

test('a program with nothing else to do ends before the start it will not see', async () => {
  expect(await runNode(`require('${lib}/register');`, { ...anyPort, DYN_LOG: 'info' })).toMatchObject({
    code: 0,
    stderr: '',
  });
});
