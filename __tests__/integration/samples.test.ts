import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeControl, encodeHandshake, encodePrologue } from '../../lib/wire/response-frames';
import { PREFIX_BYTES } from '../../lib/wire/two-part';
import { killSamples, ROOT, run, start } from '../support/sample';

afterEach(killSamples);

const get = async (port: string | undefined, path: string): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).text();

jest.setTimeout(30_000);

describe('npm start', () => {
  test('shows the documented numbers until Ctrl-C, which ends it with exit code 0', async () => {
    const sample = await start('quickstart', { DYN_SYSTEM_PORT: '0' }, /Ctrl-C ends it/);
    const text = await get(sample.port, '/metrics');
    const labels = 'component="mycomponent",endpoint="myendpoint",namespace="mynamespace"';
    for (const line of [
      `requests_total{${labels}} 3`,
      `request_bytes_total{${labels}} 1098`,
      `response_bytes_total{${labels}} 1917`,
      `my_custom_bytes_processed_total{${labels}} 42`,
      `concurrent_requests{${labels}} 0`,
      `cancellation_total{${labels}} 0`,
      `request_duration_seconds_count{${labels}} 3`,
      ...['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf'].map(
        (bound) => `request_duration_seconds_bucket{${labels},le="${bound}"} `,
      ),
    ]) {
      expect(`\n${text}`).toContain(`\n${line}`);
    }
    expect(text.match(/^errors_total\{.*\} 0$/gm)).toHaveLength(6);
    expect(text).toMatch(/^uptime_seconds\{namespace="http_server"\} \d/m);
    expect(await get(sample.port, '/health')).toMatch(
      /^\{"endpoints":\{"myendpoint":"ready"\},"status":"ready","uptime":/,
    );
    expect(sample.output.match(/was answered with 14 items/g)).toHaveLength(3);
    expect(await sample.interrupt()).toEqual({ code: 0, stderr: '' });

    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const shown = /```prometheus\n([\s\S]*?)```/.exec(readme)![1]!.split('\n').filter(Boolean);
    expect(shown.length).toBeGreaterThan(6);
    for (const line of shown) expect(text.split('\n')).toContain(line);
  });

  test('a port in use is one clear line and exit code 1', async () => {
    const first = await start('quickstart', { DYN_SYSTEM_PORT: '0' }, /Ctrl-C ends it/);
    const second = await start('quickstart', { DYN_SYSTEM_PORT: first.port! }, /never printed/);
    const { code, stderr } = await second.interrupt();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^PROFILED_PORT_IN_USE: .*${first.port}.*DYN_SYSTEM_PORT.*\n$`));
    expect((await first.interrupt()).code).toBe(0);
  });
});

test('simple-handler', async () => {
  const output = await run('simple-handler');
  const labels = '{component="simple",endpoint="words",namespace="samples"}';
  expect(output).toContain(`requests_total${labels} 2`);
  expect(output).toContain(`cancellation_total${labels} 1`);
});

test('custom-metrics', async () => {
  const output = await run('custom-metrics');
  const labels = 'component="custom",endpoint="answer",namespace="samples"';
  expect(output).toContain(`prompts_total{component="custom",endpoint="answer",model="small",namespace="samples"} 2`);
  expect(output).toContain(`queue_depth{${labels}} 3`);
  expect(output).toContain(`answer_words_sum{${labels}} 10`);
  expect(output).toContain(`answer_seconds_count{${labels}} 3`);
  expect(output).toContain(`empty_prompts_total{${labels}} 1`);
});

test('service-metrics', async () => {
  const labels = '{component="component",endpoint="endpoint",namespace="system",service="backend"}';
  const output = await run('service-metrics');
  expect(output).toContain(`service_requests_total${labels} 2`);
  expect(output).toContain(`service_request_duration_seconds_count${labels} 2`);
  expect(output).toContain(`service_text_bytes_count${labels} 2`);
});

test('function-form', async () => {
  const output = await run('function-form');
  expect(output).toContain('requests_total{component="functions",endpoint="add",namespace="samples"} 1');
  expect(output).toContain('requests_total{component="functions",endpoint="letters",namespace="samples"} 1');
});

/** Loaded before a program: writes down at its end what its sockets have carried, those it opened and those it accepted. */
const COUNTING = `
  const sockets = { client: [], server: [] };
  for (const side of ['client', 'server']) {
    require('node:diagnostics_channel').subscribe('net.' + side + '.socket', ({ socket }) => sockets[side].push(socket));
  }
  process.on('exit', () => {
    const sum = (side, field) => sockets[side].reduce((total, socket) => total + socket[field], 0);
    const counts = { opened: sockets.client.length, accepted: sockets.server.length };
    const bytes = { written: sum('client', 'bytesWritten'), read: sum('server', 'bytesRead') };
    require('node:fs').writeFileSync(__filename + 'on', JSON.stringify({ ...counts, ...bytes }));
  });
`;

describe('system-server and system-client, two processes', () => {
  let store: string;
  beforeEach(async () => void (store = await mkdtemp(join(tmpdir(), 'profiled-samples-'))));
  afterEach(() => rm(store, { recursive: true, force: true }));

  test('the client prints what the server streams, and the counters say what was sent', async () => {
    const shared = { DYN_FILE_KV: store, DYN_TCP_RPC_HOST: '127.0.0.1' };
    const env = { ...shared, DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_PORT: '0' };
    const server = await start('system-server', env, /metrics: http/);
    const labels = '{component="mycomponent",endpoint="myendpoint",namespace="mynamespace"}';
    expect(await get(server.port, '/metrics')).toContain(`my_custom_bytes_processed_total${labels} 0`);

    const [record] = await readdir(join(store, 'v1', 'instances'));
    const { transport } = JSON.parse(readFileSync(join(store, 'v1', 'instances', record!), 'utf8')) as {
      transport: { tcp: string };
    };
    const preload = join(store, 'counting.js');
    writeFileSync(preload, COUNTING);
    const printed = (await run('system-client', shared, ['-r', preload])).trim().split('\n');
    expect(printed).toEqual(['test message 0', 'test message 1', 'test message 2']);
    const text = await get(server.port, '/metrics');
    expect(text).toContain(`my_custom_bytes_processed_total${labels} 42`);
    expect(text).toContain(`requests_total${labels} 3`);
    // Three requests from an address of 15 characters.
    expect(text).toContain(`request_bytes_total${labels} 1086`);
    expect(text).toContain(`response_bytes_total${labels} 1917`);
    expect(text).toContain(`concurrent_requests${labels} 0`);

    const path = transport.tcp.slice(transport.tcp.indexOf('/') + 1);
    const uuid = '0'.repeat(36);
    const headers = JSON.stringify({ 'request-id': uuid, 'x-frontend-send-ts-ns': '1'.repeat(19) });
    const requestFraming = 2 + path.length + 2 + headers.length + 4;
    const handshake = encodeHandshake({ subject: uuid, streamType: 'response' });
    const spoken = handshake.length + encodePrologue(null).length + encodeControl('sentinel').length;
    expect(JSON.parse(readFileSync(`${preload}on`, 'utf8'))).toEqual({
      opened: 1,
      accepted: 3,
      written: 1086 + 3 * requestFraming,
      // Fourteen items and the final marker, each a frame.
      read: 1917 + 3 * (spoken + 15 * PREFIX_BYTES),
    });
    expect((await server.interrupt('SIGTERM')).code).toBe(0);
    expect(await readdir(join(store, 'v1', 'instances'))).toEqual([]);
  });
});

test('many-processes: one scrape for four workers', async () => {
  const sample = await start('many-processes', { PORT: '0', DYN_SYSTEM_PORT: '0' }, /^curl/);
  const [app, system] = sample.output.match(/(?<=:)\d+(?=\/)/g)!;
  const pids = new Set<string>();
  for (let i = 0; i < 8; i++) pids.add(/\d+/.exec(await get(app, '/you'))![0]);
  expect(pids.size).toBeGreaterThan(1);
  const labels = 'component="processes",endpoint="greet",namespace="samples"';
  expect(await get(system, '/metrics')).toContain(`\nrequests_total{${labels}} 8\n`);
  expect(await sample.interrupt()).toEqual({ code: 0, stderr: '' });
});

test('worker-threads: one scrape for three threads, with a label for each', async () => {
  const output = await run('worker-threads');
  for (const n of [1, 2, 3]) {
    const labels = `component="threads",endpoint="square",namespace="samples",worker="thread-${n}"`;
    expect(output).toContain(`\nrequests_total{${labels}} ${n}\n`);
  }
});

test('standard/quickstart, under TC39 decorators', async () => {
  const output = await run('standard/quickstart');
  expect(output).toContain('characters_total{component="standard",endpoint="letters",namespace="samples"} 5');
  expect(output).toContain('requests_total{component="standard",endpoint="letters",namespace="samples"} 1');
});
