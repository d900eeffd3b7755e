import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readCommandLine } from '../../lib/cli/command-line';
import { describeWith, promtoolWith } from '../support/installed-tool';
import { ROOT, textOf } from '../docs/markdown';
import { profiled, userEnvironment } from './command';

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Record<string, unknown>[] }[];
}

/** A project of a user, whose modules hold on to whatever they can. */
const PROJECT = {
  'handlers.js': `
    const { profiled } = require('profiled');
    console.log('noise of a module');
    setInterval(() => {}, 1000);
    require('node:http').createServer().listen(0, '127.0.0.1');
    profiled('ns.shop.order', async () => 1);
    profiled('ns.shop.pay', { generate: async () => 1 }, { prefix: 'x_', labels: { team: 'no' } });
  `,
  'esm.mjs': "import { profiled } from 'profiled'; await null; profiled('ns.esm.late', async () => 1);",
  'typed.ts': `
    import { Profiled } from 'profiled';
    @Profiled('ns', 'typed', 'class', { buckets: [0.1, 0.2] })
    export class Typed { async generate(text: string): Promise<string> { return text; } }
  `,
  'server.mjs': `
    import { setImmediate } from 'node:timers/promises';
    import { profiled, systemServerInfo } from 'profiled';
    profiled('ns.server.one', async () => 1);
    // What the environment starts listens long before the last of these turns of the event loop.
    for (let i = 0; i < 2000 && !systemServerInfo(); i++) await setImmediate();
    console.log(systemServerInfo() ? 'it listens' : 'it is silent');
  `,
  'empty.js': '',
  'throws.js': "throw new Error('the module broke');",
  'exits.js': 'process.exit(0);',
  'tsconfig.json': { compilerOptions: { module: 'node20', target: 'es2022', experimentalDecorators: true } },
  'package.json': { name: 'user' },
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'profiled-cli-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, content] of Object.entries(PROJECT)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(join(folder, name), text.replaceAll("'profiled'", JSON.stringify(join(ROOT, 'dist/lib/index.js'))));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (args: string[], env?: Record<string, string>) => profiled(args, env, folder);
const rulesOf = async (args: string[], env?: Record<string, string>) => {
  const { code, stdout, stderr } = await run(['rules', ...args], env);
  if (code !== 0) throw new Error(stderr);
  return parse(stdout) as RuleFile;
};
const groupsOf = async (args: string[], env?: Record<string, string>) =>
  (await rulesOf(args, env)).groups.map(({ name }) => name.replace('profiled ', ''));

jest.setTimeout(60_000);

describe('the handlers', () => {
  test('are those of the modules, with their prefixes and labels; stdout is clean, and nothing that a module started goes on', async () => {
    const { code, stdout, stderr } = await run(['rules', 'handlers.js']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'noise of a module\n' });
    const { groups } = parse(stdout) as RuleFile;
    expect(groups.map(({ name }) => name)).toEqual([
      'profiled requests_total{component="shop",endpoint="order",namespace="ns"}',
      'profiled x_requests_total{component="shop",endpoint="pay",namespace="ns",team="no"}',
      'profiled',
    ]);
    // A text that YAML could take for something else stays a text.
    expect(groups[1]!.rules[0]!.labels).toEqual({ component: 'shop', endpoint: 'pay', namespace: 'ns', team: 'no' });
  });

  test('may be in several modules, ES modules and packages by path too', async () => {
    expect(await groupsOf(['./handlers.js', join(folder, 'esm.mjs')])).toContain(
      'requests_total{component="esm",endpoint="late",namespace="ns"}',
    );
  });

  test.each([
    ['--require', 'ts-node/register/transpile-only'],
    ['--import', 'tsx'],
  ])('may be in TypeScript with %s %s', async (flag, loader) => {
    expect(await groupsOf([flag, loader, 'typed.ts', '--latency-objective', '0.1'])).toEqual([
      'requests_total{component="typed",endpoint="class",namespace="ns"}',
      'profiled',
    ]);
  });

  test.each(['--require', '--import'])('may be in a module of %s alone', async (flag) => {
    expect(await groupsOf([flag, './handlers.js'])).toHaveLength(3);
  });

  test('have the names that the environment gives them', async () => {
    expect((await groupsOf(['handlers.js'], { DYN_METRICS_NAMING: 'dynamo' }))[0]).toBe(
      'dynamo_component_requests_total{dynamo_component="shop",dynamo_endpoint="order",dynamo_namespace="ns"}',
    );
  });

  describe('start no server, whatever the environment says', () => {
    const serving = { DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_PORT: '0', DYN_SYSTEM_HOST: '127.0.0.1', DYN_LOG: 'info' };

    test.each([
      ['as a module', ['server.mjs']],
      ['after --require', ['--require', './handlers.js', 'server.mjs']],
      ['with --import', ['--import', './server.mjs']],
    ])('%s', async (_, args) => {
      const { code, stderr } = await run(['rules', ...args], serving);
      expect({ code, stderr: stderr.replace('noise of a module\n', '') }).toEqual({
        code: 0,
        stderr: 'it is silent\n',
      });
    });

    test('when NODE_OPTIONS asks for it in every process', async () => {
      const register = { NODE_OPTIONS: `--require ${join(ROOT, 'dist/lib/register.js')}` };
      const { code, stderr } = await run(['rules', 'server.mjs'], { ...serving, ...register });
      expect({ code, stderr }).toEqual({ code: 0, stderr: 'it is silent\n' });
    });

    test('which the very same program does', () => {
      const options = { cwd: folder, env: userEnvironment({ ...serving, DYN_LOG: '0' }), encoding: 'utf8' } as const;
      expect(spawnSync(process.execPath, ['server.mjs'], options).stdout).toBe('it listens\n');
    });
  });
});

describe('without modules', () => {
  test('the flags say the names, and the result is for every endpoint', async () => {
    const args = ['--naming', 'dynamo', '--prefix', 'x_', '--label', 'team=a=b', '--job', 'j', '--window', '10m'];
    const { groups } = await rulesOf(args);
    expect(groups[0]!.name).toBe('profiled x_requests_total{job="j",team="a=b"}');
    expect(groups[0]!.rules[0]).toEqual({
      record: 'endpoint:x_requests:rate10m',
      expr: 'sum by (job, dynamo_namespace, dynamo_component, dynamo_endpoint, team) (rate(x_requests_total{job="j",team="a=b"}[10m]))',
      labels: { team: 'a=b' },
    });
  });

  test('the environment says the naming, if no flag does', async () => {
    const env = { DYN_METRICS_NAMING: 'dynamo' };
    expect((await groupsOf([], env))[0]).toBe('dynamo_component_requests_total');
    expect((await groupsOf(['--naming', 'plain'], env))[0]).toBe('requests_total');
  });
});

test('a dashboard is JSON, with the title that was asked for', async () => {
  const { stdout } = await run(['dashboard', '--title', 'Mine', 'handlers.js']);
  const { title, panels } = JSON.parse(stdout) as { title: string; panels: { targets?: { expr: string }[] }[] };
  expect(title).toBe('Mine');
  expect(panels[1]!.targets![0]!.expr).toContain('{__name__=~"requests_total|x_requests_total"');
});

describe('a ServiceMonitor', () => {
  test('has defaults that fit the system server', async () => {
    expect(parse((await run(['servicemonitor'])).stdout)).toEqual({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: { name: 'profiled' },
      spec: {
        selector: { matchLabels: { 'app.kubernetes.io/name': 'profiled' } },
        endpoints: [{ port: 'metrics', path: '/metrics', interval: '15s', scheme: 'http', honorLabels: true }],
      },
    });
  });

  test('has what the flags say, and leaves labels alone where none clash', async () => {
    const args = [
      '--name',
      'a',
      '--k8s-namespace',
      'b',
      '--metadata-label',
      'release=on',
      '--selector',
      'app=1e3',
      '--port',
      'web',
    ];
    const more = [
      '--interval',
      '1m',
      '--path',
      '/x/metrics',
      '--scheme',
      'https',
      '--bearer-secret',
      's/k',
      '--naming',
      'dynamo',
    ];
    expect(parse((await run(['servicemonitor', ...args, ...more])).stdout)).toEqual({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: { name: 'a', namespace: 'b', labels: { release: 'on' } },
      spec: {
        selector: { matchLabels: { app: '1e3' } },
        endpoints: [
          {
            port: 'web',
            path: '/x/metrics',
            interval: '1m',
            scheme: 'https',
            authorization: { type: 'Bearer', credentials: { name: 's', key: 'k' } },
          },
        ],
      },
    });
  });
});

describe('a wrong command line', () => {
  test.each([
    [[], 'it needs a command'],
    [['rules', '--objektive', '99'], "Unknown option '--objektive'"],
    [['rules', '--title', 'x'], "Unknown option '--title'"],
    [['rules', '--objective'], "Option '--objective <value>' argument missing"],
    [['rules', '--latency-objective', '1s'], '--latency-objective must be a number above 0, got "1s"'],
    [
      ['rules', '--window', '5'],
      '--window must be a duration of Prometheus above 0, such as 30s, 5m or 1h30m, got "5"',
    ],
    [['rules', '--for', '0s'], '--for must be a duration of Prometheus above 0'],
    [['rules', '--job', ''], '--job must be a text with something in it'],
    [['rules', '--runbook-url', 'x'], '--runbook-url must be a URL'],
    [['rules', '--naming', 'other'], '--naming must be plain or dynamo, got "other"'],
    [['rules', '--prefix', '9-'], '`prefix` must be text that can begin a metric name'],
    [['rules', '--label', 'a'], '--label must be NAME=VALUE, each name once, got "a"'],
    [['rules', '--label', 'namespace=a'], 'label "namespace" of metric `the standard set` is set by the hierarchy'],
    [['rules', '--label', 'a=b', 'empty.js'], '--naming, --prefix and --label are for use without modules'],
    [['servicemonitor', '--scheme', 'ftp'], '--scheme must be http or https, got "ftp"'],
    [['servicemonitor', '--path', 'metrics'], '--path must be a path that begins with /'],
    [['servicemonitor', '--bearer-secret', 'a'], '--bearer-secret must be the name of a Secret and of its key'],
    [['servicemonitor', '--name', 'A_b'], '--name must be a name of Kubernetes'],
  ])('%j is refused', (args, message) => {
    expect(() => readCommandLine(args)).toThrow(message);
    expect(() => readCommandLine(args)).toThrow(/^PROFILED_(CONFIG|METRIC)_INVALID: /);
  });

  test.each([
    [['alerts'], 'there is no command "alerts"'],
    [['rules', '--objective', '100'], '--objective must be a number above 0 and below 100, got "100"'],
    [
      ['rules', '--latency-objective', '10'],
      'the latency objective is 10 s, but the durations are only told apart up to 10 s',
    ],
    [['rules', 'missing.js'], 'there is no module "missing.js"'],
    [['rules', '--label', 'namespace=a'], 'label "namespace" of metric `the standard set` is set by the hierarchy'],
  ])('%j is told with the usage, and exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`profiled: ${message}`);
    expect(stderr).toMatch(/\n\nUsage: profiled rules\|dashboard\|servicemonitor /);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});

describe('modules that are of no use are told with exit code 1', () => {
  test.each([
    ['empty.js', 'no decorated handler is in empty.js'],
    ['throws.js', 'throws.js could not be loaded: the module broke'],
    ['exits.js', 'exits.js could not be loaded: it ended the process'],
  ])('%s', async (module, message) => {
    const { code, stdout, stderr } = await run(['rules', module]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`profiled: ${message}`);
    expect(stderr).not.toContain('Usage:');
  });
});

test.each([[['--help']], [['rules', '-h']], [['dashboard', '--help', '--title', 'x']]])(
  '%j prints the usage',
  async (args) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: profiled rules/);
  },
);

test('docs/alerts.md has a row for each flag of rules, with its default', async () => {
  const { stdout } = await run(['--help']);
  const [, flags] = /\nrules\n([^]*?)\n\n/.exec(stdout)!;
  const listed = Array.from(flags!.matchAll(/(--[\w-]+).*\[(.*)\]$/gm), ([, flag, value]) => [flag, value!]);
  const page = textOf('docs/alerts.md');
  expect(listed.length).toBeGreaterThan(5);
  for (const [flag, value] of listed) expect(page).toMatch(new RegExp(`^\\| \`${flag}\` \\| \`?${value}\`? \\|`, 'm'));
});

describeWith('promtool')('promtool check rules', () => {
  test('takes the YAML as it is printed', async () => {
    const { stdout } = await run(['rules', 'handlers.js', '--runbook-url', 'https://a.test/alerts']);
    const { status, complaints } = promtoolWith({ 'rules.yml': stdout }, 'check', 'rules', '--lint-fatal', 'rules.yml');
    expect({ status, complaints }).toEqual({
      status: 0,
      complaints: ['Checking rules.yml', '  SUCCESS: 35 rules found'],
    });
  });
});
