import { parseArgs } from 'node:util';
import type { RuleOptions } from '../artefacts/alerts';
import type { DashboardOptions } from '../artefacts/dashboard';
import type { ServiceMonitorOptions } from '../artefacts/service-monitor';
import { messageOf } from '../errors';
import { invalid, Values } from './values';
import { readSource, type Source } from './source';

/** What was asked for. */
export type CommandLine =
  | { readonly command: 'help' }
  | { readonly command: 'rules'; readonly source: Source; readonly options: RuleOptions }
  | { readonly command: 'dashboard'; readonly source: Source; readonly options: DashboardOptions }
  | { readonly command: 'servicemonitor'; readonly source: Source; readonly options: ServiceMonitorOptions };

const ONE = { type: 'string' } as const;
const MANY = { type: 'string', multiple: true } as const;

/** The flags that every command has. */
const SOURCE = {
  help: { type: 'boolean', short: 'h' },
  require: MANY,
  import: MANY,
  naming: ONE,
  prefix: ONE,
  label: MANY,
} as const;

/** The flags of each command. */
const FLAGS = {
  rules: {
    ...SOURCE,
    job: ONE,
    objective: ONE,
    'latency-objective': ONE,
    'max-cancellations': ONE,
    window: ONE,
    for: ONE,
    'runbook-url': ONE,
  },
  dashboard: { ...SOURCE, job: ONE, title: ONE },
  servicemonitor: {
    ...SOURCE,
    name: ONE,
    'k8s-namespace': ONE,
    'metadata-label': MANY,
    selector: MANY,
    port: ONE,
    path: ONE,
    interval: ONE,
    scheme: ONE,
    'bearer-secret': ONE,
  },
} as const;

/** The arguments of the command `profiled`. @throws PROFILED_CONFIG_INVALID naming the argument that is wrong */
export function readCommandLine(args: readonly string[]): CommandLine {
  const [command, ...rest] = args;
  if (command === undefined) throw invalid('it needs a command');
  if (command === '--help' || command === '-h' || command === 'help') return { command: 'help' };
  if (!isCommand(command)) throw invalid(`there is no command ${JSON.stringify(command)}`);
  const { flags, modules } = parsed(command, rest);
  const values = new Values(flags);
  if (flags.help === true) return { command: 'help' };
  const source = readSource(values, modules);
  switch (command) {
    case 'rules':
      return { command, source, options: ruleOptions(values) };
    case 'dashboard':
      return {
        command,
        source,
        options: { title: values.text('title') ?? 'Profiled handlers', job: values.text('job') },
      };
    case 'servicemonitor':
      return { command, source, options: monitorOptions(values) };
  }
}

function isCommand(text: string): text is keyof typeof FLAGS {
  return Object.hasOwn(FLAGS, text);
}

function parsed(command: keyof typeof FLAGS, args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: FLAGS[command], allowPositionals: true });
    return { flags: values as Readonly<Record<string, unknown>>, modules: positionals };
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

function ruleOptions(values: Values): RuleOptions {
  return {
    objective: values.number('objective', 99.9, { above: 0, below: 100 }),
    latencyObjective: values.number('latency-objective', 1, { above: 0 }),
    maxCancellations: values.number('max-cancellations', 10, { above: 0, below: 100 }),
    window: values.duration('window', '5m'),
    for: values.duration('for', '5m'),
    job: values.text('job'),
    runbookUrl: values.url('runbook-url'),
  };
}

function monitorOptions(values: Values): ServiceMonitorOptions {
  const name = values.kubernetesName('name') ?? 'profiled';
  const selector = values.pairs('selector');
  const [secret, key, ...more] = values.text('bearer-secret')?.split('/') ?? [];
  if (secret !== undefined && (!secret || !key || more.length > 0)) {
    throw invalid(`--bearer-secret must be the name of a Secret and of its key, such as metrics/token`);
  }
  return {
    name,
    kubernetesNamespace: values.kubernetesName('k8s-namespace'),
    metadataLabels: values.pairs('metadata-label'),
    selector: Object.keys(selector).length > 0 ? selector : { 'app.kubernetes.io/name': name },
    port: values.text('port') ?? 'metrics',
    path: values.path('path') ?? '/metrics',
    interval: values.duration('interval', '15s'),
    scheme: values.oneOf('scheme', ['http', 'https']) ?? 'http',
    bearerSecret: secret === undefined ? undefined : { name: secret, key: key! },
  };
}
