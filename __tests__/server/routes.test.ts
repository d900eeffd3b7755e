import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import express from 'express';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { bindBeforeScrape, storeOf, useRegistry } from '../../lib/metrics/store';
import { Health } from '../../lib/server/health';
import { createSystemRouter, type SystemRouterOptions } from '../../lib/server/router';
import { ask } from '../support/http';

let registry: Registry;
let health: Health;
let servers: Server[];

beforeEach(() => {
  registry = new Registry();
  useRegistry(registry);
  health = new Health();
  servers = [];
});

afterEach(async () => {
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
});

/** The address of an app of the user's that has the router in it, below `mount`. */
async function serve(options: SystemRouterOptions = {}, mount = '/'): Promise<string> {
  const app = express();
  app.use(mount, createSystemRouter({ health, ...options }));
  app.get('/own', (_, response) => void response.send('mine'));
  const server = createServer(app).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('/metrics', () => {
  test('is text 0.0.4 with its length and no ETag', async () => {
    new Gauge({ name: 'größe'.replace('öß', 'os'), help: 'Größe', registers: [registry] }).set(1);
    const { status, headers, body } = await ask(`${await serve()}/metrics`);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
    expect(headers.etag).toBeUndefined();
    expect(body).toContain('# HELP grose Größe\n');
  });

  test('has the format that the client would like, whatever that of the registry', async () => {
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    const { headers, body } = await ask(`${await serve()}/metrics`);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(body).not.toContain('# EOF');
  });

  test('binds what was decorated first, so that its series are there', async () => {
    bindBeforeScrape('test', () => {
      storeOf(registry).family({ type: 'counter', name: 'bound_total', help: 'b', labelNames: [] }).series({});
    });
    expect((await ask(`${await serve()}/metrics`)).body).toContain('\nbound_total 0\n');
  });

  test('follows the current registry, unless one was passed', async () => {
    const current = await serve();
    const fixed = await serve({ registry });
    const next = new Registry();
    useRegistry(next);
    new Gauge({ name: 'old', help: 'o', registers: [registry] });
    new Gauge({ name: 'new', help: 'n', registers: [next] });
    expect((await ask(`${current}/metrics`)).body).toMatch(/^new 0$/m);
    expect((await ask(`${fixed}/metrics`)).body).toMatch(/^old 0$/m);
  });

  test('has the uptime of the server', async () => {
    const address = await serve();
    const read = async () => {
      const { body } = await ask(`${address}/metrics`);
      return Number(/^uptime_seconds\{namespace="http_server"\} (.*)$/m.exec(body)?.[1]);
    };
    const first = await read();
    expect(first).toBeGreaterThan(0);
    expect(await read()).toBeGreaterThan(first);
    const { body } = await ask(`${address}/metrics`);
    expect(body).toContain(
      '# HELP uptime_seconds Total uptime of the DistributedRuntime in seconds\n# TYPE uptime_seconds gauge',
    );
  });

  test('calls the uptime as Dynamo does under dynamo naming', async () => {
    process.env.DYN_METRICS_NAMING = 'dynamo';
    try {
      expect((await ask(`${await serve()}/metrics`)).body).toMatch(/^dynamo_component_uptime_seconds [0-9.e-]+$/m);
    } finally {
      delete process.env.DYN_METRICS_NAMING;
    }
  });

  test("goes without the uptime when the user's own metric has its name", async () => {
    new Gauge({ name: 'uptime_seconds', help: 'mine', registers: [registry] }).set(42);
    const { status, body } = await ask(`${await serve()}/metrics`);
    expect(status).toBe(200);
    expect(body).toContain('# HELP uptime_seconds mine\n# TYPE uptime_seconds gauge\nuptime_seconds 42\n');
  });

  test('has the metrics of the process only when asked, and once', async () => {
    expect((await ask(`${await serve()}/metrics`)).body).not.toContain('process_cpu');
    const address = await serve({ processMetrics: true });
    await ask(`${address}/metrics`);
    const { body } = await ask(`${address}/metrics`);
    expect(body.match(/^# TYPE process_cpu_seconds_total counter$/gm)).toHaveLength(1);
    expect(body).toMatch(/^nodejs_eventloop_lag_seconds /m);
  });

  test("leaves alone the process' metrics that the user added before", async () => {
    collectDefaultMetrics({ register: registry });
    const { body } = await ask(`${await serve({ processMetrics: true })}/metrics`);
    expect(body.match(/^# TYPE process_cpu_seconds_total counter$/gm)).toHaveLength(1);
    expect(body).toContain('profiled_scrape_errors_total{reason="error"} 0\n');
  });

  test("survives a metric of the user's that has the name of one of the process", async () => {
    new Gauge({ name: 'nodejs_version_info', help: 'mine', registers: [registry] }).set(42);
    const address = await serve({ processMetrics: true });
    for (let i = 0; i < 2; i++) {
      const { status, body } = await ask(`${address}/metrics`);
      expect(status).toBe(200);
      expect(body).toContain('\nnodejs_version_info 42\n');
      expect(body).toContain('# TYPE process_cpu_seconds_total counter\n');
    }
  });

  test('is 500, never 200, when collecting fails as a whole', async () => {
    registry.getMetricsAsArray = () => {
      throw new Error('broken registry');
    };
    const { status, body } = await ask(`${await serve()}/metrics`);
    expect(status).toBe(500);
    expect(body).toBe('Failed to collect metrics');
  });

  test("leaves a stuck metric out within Prometheus' own time limit", async () => {
    new Gauge({ name: 'stuck', help: 's', registers: [registry], collect: () => new Promise<void>(() => {}) });
    const started = performance.now();
    const { status, body } = await ask(`${await serve()}/metrics`, {
      headers: { 'x-prometheus-scrape-timeout-seconds': '0.05' },
    });
    expect(performance.now() - started).toBeLessThan(900);
    expect(status).toBe(200);
    expect(body).toContain('{reason="timeout"} 1\n');
  });
});

describe('health and liveness', () => {
  test('health is 503 until an endpoint is served, and again once one stopped', async () => {
    const address = await serve();
    const read = () => ask(`${address}/health`);
    expect((await read()).status).toBe(503);
    health.endpointServed('generate');
    const ready = await read();
    expect(ready.status).toBe(200);
    expect(ready.headers['content-type']).toBe('application/json');
    expect(ready.body).toMatch(
      /^\{"endpoints":\{"generate":"ready"\},"status":"ready","uptime":\{"nanos":\d+,"secs":\d+\}\}$/,
    );
    health.endpointStopped('generate');
    const drained = await read();
    expect(drained.status).toBe(503);
    expect(drained.body).toContain('{"endpoints":{"generate":"notready"},"status":"notready"');
  });

  test('the starting status can be given', async () => {
    expect((await ask(`${await serve({ startingHealthStatus: 'ready' })}/health`)).status).toBe(200);
  });

  test('liveness does not depend on readiness', async () => {
    const { status, headers, body } = await ask(`${await serve()}/live`);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(body).toMatch(/^\{"status":"live","uptime":\{"nanos":\d+,"secs":\d+\}\}$/);
  });

  test('the paths can be changed, and the old ones are then not taken', async () => {
    const address = await serve({ healthPath: '/readyz', livePath: '/livez', startingHealthStatus: 'ready' });
    expect((await ask(`${address}/readyz`)).status).toBe(200);
    expect((await ask(`${address}/livez`)).status).toBe(200);
    expect((await ask(`${address}/health`)).status).toBe(404);
    expect((await ask(`${address}/live`)).status).toBe(404);
  });
});

describe('methods and other paths', () => {
  test.each(['/metrics', '/live'])('HEAD %s has the headers of GET and no body', async (path) => {
    const address = await serve();
    const { status, headers, body } = await ask(address + path, { method: 'HEAD' });
    expect(status).toBe(200);
    expect(Number(headers['content-length'])).toBeGreaterThan(20);
    expect(body).toBe('');
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused with what is allowed', async (method) => {
    const address = await serve();
    for (const path of ['/metrics', '/health', '/live']) {
      const { status, headers } = await ask(address + path, { method });
      expect(status).toBe(405);
      expect(headers.allow).toBe('GET, HEAD');
    }
  });

  test("everything else is passed on to the user's app", async () => {
    const address = await serve();
    expect((await ask(`${address}/own`)).body).toBe('mine');
    expect((await ask(`${address}/metrics/`)).status).toBe(404);
    expect((await ask(`${address}/Metrics`)).status).toBe(404);
  });

  test('the router can be mounted below a path', async () => {
    const address = await serve({}, '/internal');
    expect((await ask(`${address}/internal/metrics`)).status).toBe(200);
    expect((await ask(`${address}/metrics`)).status).toBe(404);
  });

  test('a query does not change the route', async () => {
    expect((await ask(`${await serve()}/metrics?name[]=x`)).status).toBe(200);
  });
});

test('options are checked like their variables', () => {
  expect(() => createSystemRouter({ healthPath: 'x' })).toThrow(
    /PROFILED_CONFIG_INVALID: option `system.healthPath` is 'x'/,
  );
  expect(() => createSystemRouter({ livePath: '/metrics' })).toThrow(/where the metrics are/);
});
