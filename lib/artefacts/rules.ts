import { ProfiledError } from '../errors';
import type { StandardSet } from '../metrics/standard';
import { type Alert, BURN_RATES, endpointAlerts, type RuleOptions, selfAlerts } from './alerts';
import { distinct, EndpointQueries } from './queries';

type Texts = Readonly<Record<string, string>>;

/** A rule as Prometheus reads it. */
export type Rule =
  | { readonly record: string; readonly expr: string; readonly labels?: Texts }
  | {
      readonly alert: string;
      readonly expr: string;
      readonly for?: string;
      readonly labels: Texts;
      readonly annotations: Texts;
    };

/** A rule file as Prometheus reads it. */
export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

/** The quantiles of the duration that are recorded. */
const QUANTILES = [
  ['p50', 0.5],
  ['p99', 0.99],
] as const;

/**
 * Recording and alert rules: a group for each set, and one for what the library says of itself.
 *
 * @throws PROFILED_CONFIG_INVALID where no request could ever be seen to miss the latency objective
 */
export function ruleFile(sets: readonly StandardSet[], options: RuleOptions): RuleFile {
  const groups = distinct(sets).map((set) => {
    checkLatency(set, options.latencyObjective);
    const queries = new EndpointQueries(set, options.job);
    return {
      name: `profiled ${queries.metric('requests')}`,
      rules: [
        ...recordings(queries, options.window),
        ...endpointAlerts(queries, options).map((alert) => alertRule(alert, options, queries.labels)),
      ],
    };
  });
  const self = selfAlerts(options).map((alert) => alertRule(alert, options, {}));
  return { groups: [...groups, { name: 'profiled', rules: self }] };
}

function recordings(queries: EndpointQueries, window: string): Rule[] {
  const ended = (over: string) => `(${queries.rate('duration', over, '_count')} > 0)`;
  const windows = new Set([window, ...BURN_RATES.flatMap(({ long, short }) => [short, long])]);
  const record = (metric: string, operation: string, expr: string): Rule => ({
    record: queries.recordName(metric, operation),
    expr,
    ...(Object.keys(queries.labels).length > 0 && { labels: queries.labels }),
  });
  return [
    record('requests', `rate${window}`, queries.rate('requests', window)),
    ...[...windows].map((over) =>
      record('errors', `ratio_rate${over}`, `${queries.rate('errors', over)}\n/\n${ended(over)}`),
    ),
    record('cancellations', `ratio_rate${window}`, `${queries.rate('cancellations', window)}\n/\n${ended(window)}`),
    ...QUANTILES.map(([name, quantile]) =>
      record(
        'request_duration_seconds',
        `${name}_rate${window}`,
        `histogram_quantile(${quantile}, ${queries.rate('duration', window, '_bucket', 'le')})`,
      ),
    ),
  ];
}

function alertRule(alert: Alert, { runbookUrl }: RuleOptions, labels: Texts): Rule {
  const { name, severity, expr, summary, description } = alert;
  return {
    alert: name,
    expr,
    ...(alert.for !== undefined && { for: alert.for }),
    labels: { ...literal(labels), severity, ...alert.labels },
    annotations: {
      summary,
      description,
      ...(runbookUrl !== undefined && { runbook_url: `${runbookUrl}#${name.toLowerCase()}` }),
    },
  };
}

/** Prometheus takes the labels of an alert for templates. */
function literal(labels: Texts): Texts {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, value.replaceAll('{{', '{{ "{{" }}')]),
  );
}

/** A quantile is never seen above the highest bound of its histogram. */
function checkLatency({ bounds, labels }: StandardSet, objective: number): void {
  const highest = bounds.at(-1)!;
  if (objective < highest) return;
  throw new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    `the latency objective is ${objective} s, but the durations ${Object.keys(labels).length > 0 ? `of ${JSON.stringify(labels)} ` : ''}` +
      `are only told apart up to ${highest} s. Give a lower one, or higher \`buckets\`.`,
  );
}
