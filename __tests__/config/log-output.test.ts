import { compileLib, runNode } from '../support/child';

const lib = compileLib();

const WRITE = `
  require('${lib}/config/settings');
  const { log } = require('${lib}/internal/logger');
  log.write('debug', { n: 1 }, 'a detail');
  log.write('error', { err: new Error('boom') }, 'a failure');
  process.exit(0);
`;
const LOADED = `
  require('${lib}/config/settings');
  console.log(Object.keys(require.cache).filter((file) => /node_modules.pino/.test(file)).length);
`;

test('off by default: nothing is written and pino is not even loaded', async () => {
  expect(await runNode(WRITE)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect((await runNode(LOADED)).stdout).toBe('0\n');
});

test('readable lines go to stderr before the process exits, without colour in a pipe', async () => {
  const { stdout, stderr } = await runNode(WRITE, { DYN_LOG: 'debug' });
  expect(stdout).toBe('');
  expect(stderr).toMatch(/DEBUG \(profiled\): a detail\n/);
  expect(stderr).toMatch(/ERROR \(profiled\): a failure\n[^]*boom/);
  expect(stderr).not.toContain('\u001b');
});

test('DYN_LOGGING_JSONL makes each line one JSON object', async () => {
  const { stderr } = await runNode(WRITE, { DYN_LOG: 'debug', DYN_LOGGING_JSONL: 'true' });
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { level: 'debug', name: 'profiled', msg: 'a detail', n: 1 },
    { level: 'error', msg: 'a failure', err: { message: 'boom' } },
  ]);
});

test.each(['true', 'false'])(
  'a line is out when write() returns, so even a killed process loses none (JSON: %s)',
  async (jsonl) => {
    const program = WRITE.replace('process.exit(0)', "process.kill(process.pid, 'SIGKILL')");
    const { signal, stderr } = await runNode(program, { DYN_LOG: 'debug', DYN_LOGGING_JSONL: jsonl });
    expect(signal).toBe('SIGKILL');
    expect(stderr).toContain('a failure');
  },
);

test('lines below the level are left out', async () => {
  const { stderr } = await runNode(WRITE, { DYN_LOG: '1', DYN_LOGGING_JSONL: 'true' });
  expect(stderr).not.toContain('a detail');
  expect(stderr).toContain('a failure');
});

test('a variable that is set after the import, but before the settings are asked for, counts', async () => {
  const program = `
    const { settings } = require('${lib}/config/settings');
    process.env.DYN_LOG = 'error';
    settings();
    require('${lib}/internal/logger').log.write('error', {}, 'a failure');
  `;
  expect((await runNode(program)).stderr).toContain('a failure');
});
