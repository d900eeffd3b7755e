import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { encodeControl, encodeHandshake, encodePrologue } from '../../lib/wire/response-frames';
import { PREFIX_BYTES } from '../../lib/wire/two-part';

const ROOT = join(__dirname, '..', '..');
const TS_NODE = [join(ROOT, 'node_modules', 'ts-node', 'dist', 'bin.js'), '--transpile-only'];

/** The environment of a user who has set nothing. */
function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('DYN_') && name !== 'PORT');
  return { ...Object.fromEntries(clean), ...extra };
}

async function run(sample: string, env: Record<string, string> = {}, nodeArgs: string[] = []): Promise<string> {
  const args = [...nodeArgs, ...TS_NODE, `samples/${sample}.ts`];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: environment(env),
    timeout: 20_000,
  });
  expect(stderr).toBe('');
  return stdout;
}

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** A sample that stays up: its output so far, and what ends it as Ctrl-C does. */
async function start(sample: string, env: Record<string, string>, until: RegExp) {
  const child = spawn(process.execPath, [...TS_NODE, `samples/${sample}.ts`], { cwd: ROOT, env: environment(env) });
  running.add(child);
  const lines: string[] = [];
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (until.test(line)) break;
  }
  child.stdout.resume();
  return {
    output: lines.join('\n'),
    port: /http:\/\/[\w.]+:(\d+)/.exec(lines.join('\n'))?.[1],
    async interrupt(signal: NodeJS.Signals = 'SIGINT') {
      child.kill(signal);
      const [code] = (await exit) as [number | null];
      return { code, stderr: errors.join('') };
    },
  };
}

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

test('express-app: the metrics of the app and ours in one scrape', async () => {
  const sample = await start('express-app', { PORT: '0' }, /^curl/);
  expect(await get(sample.port, '/hello/you')).toBe('hello you\n');
  const text = await get(sample.port, '/internal/metrics');
  expect(text).toContain('app_greetings_total 1');
  expect(text).toContain('requests_total{component="express",endpoint="greet",namespace="samples"} 1');
  expect((await sample.interrupt()).code).toBe(0);
});

test('standard/quickstart, under TC39 decorators', async () => {
  const output = await run('standard/quickstart');
  expect(output).toContain('characters_total{component="standard",endpoint="letters",namespace="samples"} 5');
  expect(output).toContain('requests_total{component="standard",endpoint="letters",namespace="samples"} 1');
});
