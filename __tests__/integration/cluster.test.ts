import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from '../support/eventually';

const ROOT = resolve(__dirname, '../..');
const TS_NODE = [join(ROOT, 'node_modules/ts-node/dist/bin.js'), '--transpile-only'];
const PATH = `${process.env.PATH}:/usr/sbin`;

const missing = ['nats-server', 'etcd', 'prometheus'].filter(
  (program) => spawnSync(program, ['--version'], { env: { PATH } }).error,
);
// A developer's machine may do without; where CI is set its absence fails the tests below.
const isSkipped = missing.length > 0 && !process.env.CI;
if (isSkipped)
  process.stderr.write(
    `the cluster sample is not run without ${missing.join(', ')} (Debian: apt-get install nats-server etcd-server prometheus)\n`,
  );

/** What the sample has in its environment, and so has every process that it starts. */
const MARK = `PROFILED_TEST=${randomUUID()}`;

let folder: string;
let sample: ChildProcess;
let output: { stdout: string; stderr: string };

function start(args: readonly string[], path = PATH): void {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(DYN_|NATS_|ETCD)/.test(name));
  const [name, value] = MARK.split('=') as [string, string];
  const env = { ...Object.fromEntries(inherited), PATH: path, TMPDIR: folder, [name]: value };
  sample = spawn(process.execPath, [...TS_NODE, 'samples/cluster/main.ts', ...args], { cwd: ROOT, env });
  const heard = (output = { stdout: '', stderr: '' });
  sample.stdout!.setEncoding('utf8').on('data', (text: string) => (heard.stdout += text));
  sample.stderr!.setEncoding('utf8').on('data', (text: string) => (heard.stderr += text));
}

/** Resolves when the sample has printed `text`, or has ended. */
async function printed(text: string): Promise<void> {
  const ended = once(sample.stdout!, 'end');
  while (!output.stdout.includes(text) && sample.stdout!.readable) {
    await Promise.race([once(sample.stdout!, 'data'), ended]);
  }
}

/** Processes that descend from the sample, those included that are nobody's children any more. */
function running(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(MARK);
    } catch {
      return false; // It has ended, or is somebody else's.
    }
  });
}

/** What it has left in the temporary directory; ts-node has a cache there. */
const files = () => readdirSync(folder).filter((name) => name.startsWith('profiled-'));

beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'profiled-cluster-test-'))));
afterEach(() => {
  for (const pid of running()) process.kill(Number(pid), 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const numbers = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([, number]) => Number(number));
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

jest.setTimeout(90_000);

(isSkipped ? describe.skip : describe)('the cluster sample', () => {
  test('prints rates of three workers, which come to what the client did, and leaves nothing', async () => {
    start(['6']);
    const exit = once(sample, 'exit');
    await printed('Ctrl-C ends it');
    // Two servers, Prometheus, three workers, the load, and the sample itself.
    await eventually('all its processes run', () => running().length === 8);
    expect(await exit).toEqual([0, null]);

    const rates = output.stdout.split('\n').filter((line) => / \d+\.\d\/s/.test(line));
    const [last] = rates.slice(-1).map((line) => numbers(line, /worker-\d (\d+\.\d)\/s/g));
    expect(last).toHaveLength(3);
    expect(Math.min(...last!)).toBeGreaterThan(0);
    const [, answers, requests] = /the client had (\d+) answers; Prometheus counts (\d+) requests/.exec(output.stdout)!;
    expect(Number(answers)).toBeGreaterThan(0);
    expect(requests).toBe(answers);
    const counts = numbers(output.stdout, /^ {2}worker-\d (\d+)$/gm);
    expect(counts).toHaveLength(3);
    expect(total(counts)).toBe(Number(answers));
    // Over its six seconds the client was as fast as Prometheus saw it at the end, give or take the others on this machine.
    expect(total(last!) / (Number(answers) / 6)).toBeGreaterThan(0.3);
    expect(total(last!) / (Number(answers) / 6)).toBeLessThan(3);
    expect(output.stderr).toBe('');
    expect(running()).toEqual([]);
    expect(files()).toEqual([]);
  });

  test('ends in order on Ctrl-C, and on a second one', async () => {
    start([]);
    const exit = once(sample, 'exit');
    await printed('/s');
    sample.kill('SIGINT');
    await printed('the client had');
    // As npm does, or somebody who has no patience.
    sample.kill('SIGINT');
    expect(await exit).toEqual([0, null]);
    expect(output.stderr).toBe('');
    expect(running()).toEqual([]);
    expect(files()).toEqual([]);
  });
});

test('without its programs the cluster sample says how to install them', async () => {
  // What Debian has in /usr/sbin is found without a PATH as well.
  start([], '/nowhere');
  const [code] = (await once(sample, 'close')) as [number];
  expect(code).toBe(1);
  expect(output.stderr).toMatch(
    /^not installed: (nats-server, )?etcd, prometheus\. On Debian: apt-get install .*etcd-server prometheus\n$/,
  );
  expect(files()).toEqual([]);
});
