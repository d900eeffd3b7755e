import type { Case } from './cases';
import type { Handler, HandlerClass } from './handlers';

/** One way of measuring a handler. */
export interface Wrapper {
  /** An instance of `target`, measured as handler number `index` of the case. */
  wrap(target: HandlerClass, of: Case, index: number): Handler;
}

/** A wrapper, and where it is to be found. */
export interface Listed {
  readonly name: string;
  /** The row in the tables. */
  readonly title: string;
  /** The file in `wrappers/`, which exports the wrapper under `key`. */
  readonly file: string;
  readonly key: string;
  /** The cases that it can be compared in. @default all */
  readonly cases?: (of: Case) => boolean;
  /** The form of ours that records the same. @default the standard set */
  readonly against?: string;
  /** True when having it loaded slows calls that it does not measure too. */
  readonly slowsAll?: boolean;
}

const isStream = ({ shape }: Case) => shape !== 'value' && shape !== 'promise';
const isSingle = ({ handlers }: Case) => handlers === 1;
const isPlain = (of: Case) => ['value', 'promise', 'gen1', 'gen16', 'gen256'].includes(of.name);
const isCall = ({ shape, handlers, inStorage, items }: Case) =>
  (shape === 'promise' || shape === 'generator') && handlers === 1 && !inStorage && items === 'strings';

/** The rows of the tables. Adding a form of ours or a peer is a line here and an export in its file. */
export const WRAPPERS: readonly Listed[] = [
  // The standard set alone is what the peers record.
  { name: 'ours', title: 'Profiled, `streamMetrics: false`', file: 'ours', key: 'standard' },
  { name: 'ours-streams', title: 'Profiled, with its streaming set', file: 'ours', key: 'streaming' },
  { name: 'ours-off', title: "the first, `sizeOf: 'off'`", file: 'ours', key: 'off' },
  {
    name: 'ours-stringify',
    title: 'the first, sizes as the peers take them',
    file: 'ours',
    key: 'stringify',
    cases: ({ items }) => items !== 'strings',
  },
  { name: 'prom', title: 'prom-client, usual style', file: 'prom-client', key: 'usual' },
  { name: 'prom-child', title: 'prom-client, cached children', file: 'prom-client', key: 'children' },
  { name: 'prom-nolabels', title: 'prom-client, no labels', file: 'prom-client', key: 'noLabels', cases: isSingle },
  {
    name: 'prom-gaps',
    title: 'prom-client, and a histogram for each item',
    file: 'prom-client',
    key: 'gaps',
    cases: isStream,
    against: 'ours-streams',
  },
  { name: 'platformatic', title: '@platformatic/prom-client', file: 'platformatic', key: 'usual' },
  { name: 'prometheus-io', title: '@prometheus-io/client', file: 'prometheus-io', key: 'usual' },
  { name: 'otel', title: 'OpenTelemetry', file: 'opentelemetry', key: 'usual' },
  { name: 'nice-grpc', title: 'nice-grpc-prometheus', file: 'nice-grpc', key: 'wrapper', cases: isCall },
  { name: 'autometrics', title: 'autometrics', file: 'autometrics', key: 'usual', cases: isPlain, slowsAll: true },
  { name: 'none', title: 'nothing (the control)', file: 'none', key: 'none' },
];

/** What is compared with something else than the bare handler. */
export interface Addition extends Listed {
  /** The wrapper that it is compared with. */
  readonly base: Pick<Listed, 'file' | 'key'>;
  /** The case that it is taken in. */
  readonly of: string;
}

const ours = { file: 'ours', key: 'standard' };

/** What a part of ours adds to the rest of it. */
export const ADDITIONS: readonly Addition[] = [
  { name: 'custom', title: '`@CustomMetric` without labels', file: 'ours', key: 'custom', base: ours, of: 'value' },
  {
    name: 'custom-label',
    title: '`@CustomMetric` with one bounded label',
    file: 'ours',
    key: 'customWithLabel',
    base: ours,
    of: 'value',
  },
  {
    name: 'guard',
    title: 'the guard against abandoned streams',
    file: 'ours',
    key: 'standard',
    base: { file: 'ours-unguarded', key: 'unguarded' },
    of: 'gen1',
  },
];

/** Ours with a counter of prom-client for each call and item: what the guard has to find. */
export const SLOWED: Listed = { name: 'ours-slowed', title: 'Profiled, slowed', file: 'ours-slowed', key: 'slowed' };
