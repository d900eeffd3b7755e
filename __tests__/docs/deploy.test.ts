import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { parseAllDocuments } from 'yaml';
import { loadSettings, METRICS_PATH, VARIABLES } from '../../lib/config/settings';
import { DEFAULT_DRAIN } from '../../lib/ingress/drain';
import { profiled, userEnvironment } from '../cli/command';
import { describeWith, promtoolWith } from '../support/installed-tool';
import { eventually } from '../support/eventually';
import { ask } from '../support/http';
import { startProgram } from '../support/program';
import { codeBlocks, ROOT, textOf } from './markdown';

const PAGE = textOf('docs/deploy.md');
const DRAIN_SECONDS = (DEFAULT_DRAIN.deadlineMs + DEFAULT_DRAIN.stopGraceMs) / 1_000;
const PORT = VARIABLES.port.fallback;

interface Port {
  readonly port: number;
}
interface Policy {
  readonly kind: 'NetworkPolicy';
  readonly spec: {
    readonly podSelector: { readonly matchLabels: { readonly app: string } };
    readonly ingress: readonly { readonly ports: readonly Port[] }[];
    readonly egress?: readonly { readonly ports: readonly Port[] }[];
  };
}

const documents = codeBlocks(PAGE, 'yaml').flatMap((text) =>
  parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as { kind?: string; spec: Record<string, never> };
  }),
);
const ofKind = (kind: string) => documents.filter((document) => document.kind === kind);

/** What an environment comes to: throws what the program would throw. */
const settingsOf = (env: Record<string, string>) => loadSettings({}, env);

const CLUSTER = { requestPlane: 'nats', discoveryBackend: 'etcd', system: { enabled: true, port: PORT } };

test('the page names only variables that there are', () => {
  const known: string[] = Object.values(VARIABLES).map(({ name }) => name);
  const named = PAGE.match(/\b(DYN|NATS|ETCD)_[A-Z_]*[A-Z]\b/g)!;
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
});

describe('the systemd unit', () => {
  const [unit] = codeBlocks(PAGE, 'ini');
  const value = (name: string) => Array.from(unit!.matchAll(new RegExp(`^${name}=(.*)$`, 'gm')), ([, text]) => text!);

  test('has nothing but sections, settings and comments', () => {
    const odd = unit!.split('\n').filter((line) => !/^(\[\w+\]|[A-Z]\w+=\S.*|#.*|)$/.test(line));
    expect(odd).toEqual([]);
  });

  test('gives an environment that the program takes', () => {
    const env = Object.fromEntries(value('Environment').map((text) => text.split(/=(.*)/s) as [string, string]));
    expect(settingsOf(env)).toMatchObject({ ...CLUSTER, log: { level: 'info', jsonl: true } });
  });

  test('leaves time for a drain', () => {
    expect(Number(value('TimeoutStopSec')[0])).toBeGreaterThan(DRAIN_SECONDS);
  });
});

test('the container runs node as another user than root, and exposes the port that it serves', () => {
  const [text] = codeBlocks(PAGE, 'dockerfile');
  const of = (instruction: string) => new RegExp(`^${instruction} (.*)$`, 'm').exec(text!)![1];
  expect(of('USER')).toBe('node');
  expect(Number(of('EXPOSE'))).toBe(PORT);
  expect(text).toContain(`\nENV DYN_SYSTEM_PORT=${PORT}\n`);
  expect(JSON.parse(of('CMD')!)).toEqual(['node', 'dist/worker.js']);
});

describe('the Kubernetes objects', () => {
  const [deployment] = ofKind('Deployment') as unknown as [
    {
      spec: {
        selector: { matchLabels: Record<string, string> };
        template: {
          metadata: { labels: Record<string, string>; annotations: Record<string, string> };
          spec: { terminationGracePeriodSeconds: number; containers: [Record<string, never>] };
        };
      };
    },
  ];
  const { metadata, spec } = deployment.spec.template;
  const [container] = spec.containers as unknown as [
    {
      ports: [{ name: string; containerPort: number }];
      env: { name: string; value: string }[];
      readinessProbe: object;
      livenessProbe: object;
      lifecycle: { preStop: { exec: { command: [string, string] } } };
    },
  ];
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
  const [clients, workers] = ofKind('NetworkPolicy') as unknown as [Policy, Policy];
  const portsOf = (rules: Policy['spec']['ingress']) => rules.flatMap(({ ports }) => ports.map(({ port }) => port));

  test('give the pods an environment that the program takes', () => {
    expect(settingsOf(env)).toMatchObject({ ...CLUSTER, metrics: { naming: 'dynamo' } });
    expect(metadata.labels).toEqual(deployment.spec.selector.matchLabels);
  });

  test('ask the paths and the port that it has', () => {
    expect(container.ports).toEqual([{ name: 'system', containerPort: PORT }]);
    expect(container.readinessProbe).toMatchObject({
      httpGet: { path: VARIABLES.healthPath.fallback, port: 'system' },
    });
    expect(container.livenessProbe).toMatchObject({ httpGet: { path: VARIABLES.livePath.fallback, port: 'system' } });
    expect(metadata.annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': String(PORT),
      'prometheus.io/path': METRICS_PATH,
    });
  });

  test('leave time for a drain', () => {
    const [, preStop] = container.lifecycle.preStop.exec.command;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(DRAIN_SECONDS + Number(preStop));
  });

  test('let responses come back, and leave open what is used', () => {
    const [, response] = /`DYN_TCP_RESPONSE_STREAM_PORT=(\d+)`/.exec(PAGE)!;
    expect(clients.spec.podSelector.matchLabels.app).toBe('client');
    expect(portsOf(clients.spec.ingress)).toEqual([Number(response)]);
    expect(workers.spec.podSelector.matchLabels).toEqual(metadata.labels);
    expect(portsOf(workers.spec.ingress)).toEqual([PORT]);
    const servers = [env.NATS_SERVER!, env.ETCD_ENDPOINTS!].map((url) => Number(new URL(url).port));
    expect(portsOf(workers.spec.egress!)).toEqual(expect.arrayContaining([...servers, Number(response), 53]));
  });

  test('have the ServiceMonitor that the command of the page prints', async () => {
    const [, command] = /`npx profiled (servicemonitor [^`]+)`/.exec(PAGE)!;
    const { stdout } = await profiled(command!.split(' '));
    expect(parseAllDocuments(stdout).map((document) => document.toJS() as unknown)).toEqual(ofKind('ServiceMonitor'));
  });
});

describeWith('promtool')('promtool', () => {
  test('accepts the scrape configuration and its file of targets', () => {
    const config = codeBlocks(PAGE, 'yaml').find((text) => text.startsWith('# prometheus.yml'))!;
    const [targets] = codeBlocks(PAGE, 'json');
    const files = { 'prometheus.yml': config.replace('workers/*.json', 'workers.json'), 'workers.json': targets! };
    expect(promtoolWith(files, 'check', 'config', 'prometheus.yml')).toMatchObject({ status: 0 });
  });
});

/** The program of the page, and the handler that it imports, as a project that has the package installed. */
function workerIn(folder: string): string {
  const [program] = codeBlocks(PAGE, 'ts');
  const handler = `
    import { Profiled } from 'profiled';
    @Profiled('ns', 'comp', 'run')
    export class RequestHandler { async *generate() { yield 1; } }`;
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'profiled'), 'dir');
  for (const [name, text] of Object.entries({ worker: program!, handler })) {
    const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 };
    writeFileSync(join(folder, `${name}.js`), transpileModule(text, { compilerOptions }).outputText);
  }
  return join(folder, 'worker.js');
}

describe('the program of a worker', () => {
  let folder: string;
  let worker: ChildProcess;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'profiled-deploy-'))));
  afterEach(() => {
    worker.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts it; resolves to the address of its system server. */
  async function start(env: Record<string, string>): Promise<string> {
    const all = {
      DYN_SYSTEM_PORT: '0',
      DYN_SYSTEM_HOST: '127.0.0.1',
      DYN_FILE_KV: join(folder, 'kv'),
      DYN_LOG: 'info',
      ...env,
    };
    worker = spawn(process.execPath, [workerIn(folder)], { env: userEnvironment(all) });
    let log = '';
    for await (const text of worker.stderr!.setEncoding('utf8')) {
      log += text as string;
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(log) ?? [];
      if (address) {
        worker.stderr!.resume();
        return address;
      }
    }
    throw new Error(`it has ended: ${log}`);
  }

  test('serves until SIGTERM, which ends it in order', async () => {
    const address = await start({});
    await eventually('it is ready', async () => (await ask(`${address}/health`)).status === 200);
    const exit = once(worker, 'exit');
    worker.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });

  /** The labels of its requests in a Prometheus whose targets have labels as the operator gives them. */
  async function labelsUnder(naming: string, metric: string): Promise<Record<string, string>> {
    const target = new URL(await start({ DYN_METRICS_NAMING: naming })).host;
    const labels = { namespace: 'prod', endpoint: 'system' };
    const scrape_configs = [{ job_name: 'workers', static_configs: [{ targets: [target], labels }] }];
    const config = join(folder, 'prometheus.yml');
    writeFileSync(config, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs })); // JSON is YAML.
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`];
    const prometheus = await startProgram(
      'prometheus',
      (host) => [...args, `--web.listen-address=${host}`],
      '/-/ready',
    );
    try {
      let found: { metric: Record<string, string> }[] = [];
      await eventually('it is scraped', async () => {
        const { body } = await ask(`${prometheus.address}/api/v1/query?query=${metric}`);
        found = (JSON.parse(body) as { data: { result: typeof found } }).data.result;
        return found.length > 0;
      });
      return found[0]!.metric;
    } finally {
      await prometheus.stop();
    }
  }

  describeWith('prometheus')('in a Prometheus with an operator', () => {
    test('has two labels of another name under the documented names', async () => {
      expect(await labelsUnder('plain', 'requests_total')).toMatchObject({
        namespace: 'prod',
        endpoint: 'system',
        exported_namespace: 'ns',
        exported_endpoint: 'run',
        component: 'comp',
      });
    });

    test('has its own under those of Dynamo', async () => {
      const labels = await labelsUnder('dynamo', 'dynamo_component_requests_total');
      expect(labels).toMatchObject({
        namespace: 'prod',
        dynamo_namespace: 'ns',
        dynamo_endpoint: 'run',
        dynamo_component: 'comp',
      });
      expect(Object.keys(labels).filter((name) => name.startsWith('exported_'))).toEqual([]);
    });
  });
});
