import { compileLib, runNode, startNode } from '../../support/child';
import { eventually } from '../../support/eventually';
import { appStarter, scrape } from './app';

jest.setTimeout(120_000);

const lib = compileLib();
const copy = compileLib();
const start = appStarter();
const anyPort = { DYN_SYSTEM_PORT: '0', DYN_SYSTEM_HOST: '127.0.0.1' };
const patient = { handler: { collectTimeoutMs: 60_000 } };

/** Forks two workers that load the package; ends when both have said what came of their system server. */
const CLUSTER = `
  const cluster = require('node:cluster');
  if (cluster.isPrimary) {
    let answers = [];
    cluster.on('message', (worker, address) => {
      if (typeof address !== 'string') return;
      answers.push(address);
      if (answers.length === 2) { console.log(JSON.stringify(answers)); cluster.disconnect(); } else cluster.fork();
    });
    cluster.fork();
  } else {
    const { autoStartSystemServer } = require('${lib}/server/auto-start');
    autoStartSystemServer().then((info) => process.send(info ? 'serves' : 'none'));
  }
`;

/** `node -e` has no file that a cluster could run again. */
const asFile = (program: string) => `
  const file = require('node:path').join(require('node:os').tmpdir(), 'profiled-cluster-' + process.pid + '.js');
  require('node:fs').writeFileSync(file, ${JSON.stringify(program)});
  require('node:cluster').setupPrimary({ exec: file, execArgv: [] });
  process.on('exit', () => require('node:fs').rmSync(file));
  require(file);
`;

describe('the environment', () => {
  test('asks for one scrape of all by DYN_SYSTEM_AGGREGATE_WORKERS, which then needs no call', async () => {
    const env = { ...anyPort, DYN_SYSTEM_AGGREGATE_WORKERS: 'true', DYN_SYSTEM_WORKER_LABEL: 'worker' };
    const app = await start({ by: 'environment', kind: 'cluster', count: 2, ...patient }, env);
    await app.tell(2, 'call', 4);
    const { sum, values } = await app.scrape();
    expect(values('worker').sort()).toEqual(['1', '2', 'main']);
    expect(sum('requests_total', { worker: '2' })).toBe(4);
    expect(await app.tell(1, 'systemServer')).toBe('none');
    expect(await app.tell(0, 'systemServer')).toMatch(/^http/);
    expect(await app.tell(1, 'warnings')).toBe('');
  });

  test('without it each worker serves its own numbers, of which one warns', async () => {
    const { code, stdout, stderr } = await runNode(asFile(CLUSTER), anyPort);
    expect(JSON.parse(stdout)).toEqual(['serves', 'serves']);
    expect(stderr.match(/ProfiledWarning/g)).toHaveLength(1);
    expect(stderr).toContain('call aggregateWorkers() in the primary before it forks');
    expect(code).toBe(0);
  });

  test('a label that Prometheus forbids is refused by name', async () => {
    const program = `
      const { aggregateWorkers } = require('${lib}/server/aggregate-workers');
      for (const workerLabel of ['le', '__x', '1a']) {
        try { aggregateWorkers({ workerLabel }); } catch (error) { console.log(error.message); }
      }
      try { aggregateWorkers({ label: true }); } catch (error) { console.log(error.message); }
    `;
    const { stdout } = await runNode(program);
    expect(
      stdout.match(/^PROFILED_CONFIG_INVALID: option `system.workerLabel` is .*; expected a label name/gm),
    ).toHaveLength(3);
    expect(stdout).toContain('aggregateWorkers has no option `label`');
  });
});

test('two copies of the package are one: each is asked once, and either may answer', async () => {
  const app = await start({ kind: 'cluster', count: 1, copy, ...patient });
  await app.tell(1, 'call', 2);
  await app.tell(1, 'callCopy', 3);
  await app.tell(0, 'callCopy', 4);
  const { sum } = await app.scrape();
  expect(sum('requests_total')).toBe(9);
  expect((await scrape(await app.tell(1, 'serveCopy'))).sum('requests_total')).toBe(9);
});

test('a thread that has loaded the package ends by itself, and so does its process', async () => {
  const program = `
    const { Worker, isMainThread } = require('node:worker_threads');
    require('${lib}/server/aggregate-workers').aggregateWorkers();
    const thread = new Worker("require('${lib}/server/auto-start').autoStart(); setImmediate(() => {});", { eval: true });
    thread.on('exit', (code) => console.log('the thread ended', code));
  `;
  const child = startNode(program);
  child.endInput();
  expect(await child.finished).toMatchObject({ code: 0, stdout: 'the thread ended 0\n', stderr: '' });
});

test('a worker whose primary does not answer has no scrape to show, and says so', async () => {
  const env = { ...anyPort, DYN_SYSTEM_AGGREGATE_WORKERS: 'true' };
  const app = await start({ kind: 'cluster', top: false, count: 1, handler: { collectTimeoutMs: 300 } }, env);
  const worker = await app.tell(1, 'serve');
  expect((await scrape(worker)).status).toBe(500);
  expect(await app.tell(1, 'systemServer')).toBe('none');
  await eventually('it warns', async () => (await app.tell(1, 'warnings')).includes('does not answer'));
});
