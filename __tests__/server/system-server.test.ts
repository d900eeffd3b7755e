import { createServer as createHttpServer, Agent, Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Gauge, Registry } from 'prom-client';
import { ProfiledError } from '../../lib/errors';
import { deferred } from '../../lib/internal/deferred';
import type { SystemServer } from '../../lib/server/running-server';
import { startSystemServer, systemServerInfo, type SystemServerOptions } from '../../lib/server/system-server';
import { ask } from '../support/http';

const LOCAL = { host: '127.0.0.1', port: 0 } as const;

afterEach(async () => {
  if (systemServerInfo()) await (await startSystemServer()).stop();
});

async function refusal(options: SystemServerOptions): Promise<ProfiledError> {
  const error: unknown = await startSystemServer(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (ProfiledError.is(error)) return error;
  throw new Error(`expected a ProfiledError, got ${String(error)}`);
}

/** A port that something else listens on while `use` runs. */
async function withTakenPort(use: (port: number) => Promise<void>): Promise<void> {
  const other = createHttpServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  try {
    await use((other.address() as AddressInfo).port);
  } finally {
    other.close();
    await once(other, 'close');
  }
}

describe('start', () => {
  test('listens on a free port for port 0 and says where', async () => {
    const server = await startSystemServer(LOCAL);
    expect(server.port).toBeGreaterThan(0);
    expect(server.hostname).toBe('127.0.0.1');
    expect(server.address).toBe(`http://127.0.0.1:${server.port}`);
    expect(systemServerInfo()).toEqual({ hostname: '127.0.0.1', port: server.port, address: server.address });
    expect((await ask(`${server.address}/metrics`)).status).toBe(200);
  });

  test.each([
    ['0.0.0.0', '127.0.0.1'],
    ['localhost', 'localhost'],
  ])('bound to %s, its address is reachable as %s', async (host, shown) => {
    const server = await startSystemServer({ host, port: 0 });
    expect(server.hostname).toBe(host);
    expect(server.address).toBe(`http://${shown}:${server.port}`);
    expect((await ask(`${server.address}/live`)).status).toBe(200);
  });

  test('answers 404 on other paths and does not tell what it is made with', async () => {
    const server = await startSystemServer(LOCAL);
    const { status, headers, body } = await ask(`${server.address}/nowhere`);
    expect([status, body]).toEqual([404, 'Route not found']);
    expect(headers['x-powered-by']).toBeUndefined();
  });

  test('does not need to be enabled by the environment', async () => {
    process.env.DYN_SYSTEM_ENABLED = 'false';
    try {
      expect((await startSystemServer(LOCAL)).port).toBeGreaterThan(0);
    } finally {
      delete process.env.DYN_SYSTEM_ENABLED;
    }
  });

  test('twice in a row or at once, there is one server', async () => {
    const [first, second] = await Promise.all([startSystemServer(LOCAL), startSystemServer(LOCAL)]);
    expect(second).toBe(first);
    expect(await startSystemServer()).toBe(first);
  });

  test('asking for another port or host while it runs gives the running one, with a warning', async () => {
    const server = await startSystemServer(LOCAL);
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const other = server.port === 65535 ? 65534 : server.port + 1;
    expect(await startSystemServer({ port: other, host: '::1' })).toBe(server);
    expect(warn.mock.calls).toEqual([
      [
        `the system server already runs at ${server.address}; \`port\` ${other} and \`host\` '::1' can not be honoured`,
        { type: 'ProfiledWarning', code: 'PROFILED_CONFIG_INVALID' },
      ],
    ]);
    expect(await startSystemServer({ port: server.port, host: '127.0.0.1' })).toBe(server);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });
});

describe('a start that fails', () => {
  test('on a port in use names it, the variable and the way out', async () => {
    await withTakenPort(async (port) => {
      const error = await refusal({ host: '127.0.0.1', port });
      expect(error.code).toBe('PROFILED_PORT_IN_USE');
      expect(error.message).toMatch(
        new RegExp(`port ${port} \\(DYN_SYSTEM_PORT or the \`port\` option\\).*0 takes any free`),
      );
      expect(error.cause).toMatchObject({ code: 'EADDRINUSE' });
    });
  });

  test('for concurrent callers fails for both, and leaves the way free for the next', async () => {
    await withTakenPort(async (port) => {
      const taken = { host: '127.0.0.1', port };
      const outcomes = await Promise.allSettled([startSystemServer(taken), startSystemServer(taken)]);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(systemServerInfo()).toBeUndefined();
      expect((await startSystemServer(LOCAL)).port).toBeGreaterThan(0);
    });
  });

  test('for lack of privileges says so', async () => {
    // Simulated, because a test that runs as root may listen anywhere; the child process test uses the real thing where it can.
    const listen = jest.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server) {
      process.nextTick(() => this.emit('error', Object.assign(new Error('listen EACCES'), { code: 'EACCES' })));
      return this;
    });
    try {
      const error = await refusal({ port: 80 });
      expect(error.code).toBe('PROFILED_PORT_DENIED');
      expect(error.message).toMatch(/port 80 \(DYN_SYSTEM_PORT or the `port` option\).*below 1024.*higher one/);
    } finally {
      listen.mockRestore();
    }
  });

  test('on a host that is not of this machine names the variable', async () => {
    const error = await refusal({ host: '192.0.2.1', port: 0 });
    expect(error.code).toBe('PROFILED_LISTEN_FAILED');
    expect(error.message).toMatch(/'192\.0\.2\.1' \(DYN_SYSTEM_HOST or the `host` option\).*0\.0\.0\.0/);
  });

  test('on a bad configuration lists everything that is wrong with it', async () => {
    process.env.DYN_SYSTEM_PROCESS_METRICS = 'perhaps';
    try {
      const error = await refusal({ port: 70_000, healthPath: 'x' });
      expect(error.code).toBe('PROFILED_CONFIG_INVALID');
      for (const part of ['`system.port` is 70000', "`system.healthPath` is 'x'", "PROCESS_METRICS is 'perhaps'"]) {
        expect(error.message).toContain(part);
      }
    } finally {
      delete process.env.DYN_SYSTEM_PROCESS_METRICS;
    }
  });

  test('because the port is negative says that this means off', async () => {
    const error = await refusal({ port: -1 });
    expect(error.code).toBe('PROFILED_CONFIG_INVALID');
    expect(error.message).toContain('turned off by a negative port');
  });
});

describe('stop', () => {
  const refused = (server: SystemServer) => expect(ask(`${server.address}/live`)).rejects.toThrow(/ECONNREFUSED/);

  test('is idempotent, closes the port and lets a new start work', async () => {
    const server = await startSystemServer(LOCAL);
    expect(server.stop()).toBe(server.stop());
    expect(systemServerInfo()).toBeUndefined();
    const next = await startSystemServer(LOCAL);
    await refused(server);
    expect(next).not.toBe(server);
    await server.stop();
    expect((await ask(`${next.address}/live`)).status).toBe(200);
  });

  test('a start on the same port right after a stop waits for it', async () => {
    const server = await startSystemServer(LOCAL);
    const stopped = server.stop();
    const next = await startSystemServer({ host: '127.0.0.1', port: server.port });
    await stopped;
    expect(next.port).toBe(server.port);
  });

  test('works with await using', async () => {
    const server = await startSystemServer(LOCAL);
    await server[Symbol.asyncDispose]();
    await refused(server);
  });

  test('lets a scrape under way finish', async () => {
    const asked = deferred();
    const release = deferred();
    const registry = new Registry();
    new Gauge({
      name: 'slow',
      help: 's',
      registers: [registry],
      collect() {
        asked.resolve();
        return release.promise;
      },
    });
    const server = await startSystemServer({ ...LOCAL, registry });
    const scrape = ask(`${server.address}/metrics`);
    await asked.promise;
    const stopped = server.stop();
    release.resolve();
    expect((await scrape).body).toContain('\nslow 0\n');
    await stopped;
  });

  test('does not wait for a scraper that keeps its connection open', async () => {
    const agent = new Agent({ keepAlive: true });
    const server = await startSystemServer(LOCAL);
    await ask(`${server.address}/metrics`, { agent });
    const started = performance.now();
    await server.stop();
    expect(performance.now() - started).toBeLessThan(900);
    agent.destroy();
  });
});
