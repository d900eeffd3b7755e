import { ERROR_TYPE_LABEL, SELF_METRICS } from '../metrics/names';
import {
  addressLabelNames,
  type EndpointQueries,
  metricName,
  select,
  type SelfMetric,
  type MetricKey,
} from './queries';

/** What the rules are made with. */
export interface RuleOptions {
  /** The share of requests that have to succeed, in percent. */
  readonly objective: number;
  /** What the 99th percentile of the duration has to stay below, in seconds. */
  readonly latencyObjective: number;
  /** The share of requests that their consumers may stop, in percent. */
  readonly maxCancellations: number;
  /** What rates are taken over, apart from those of the error budget. */
  readonly window: string;
  /** How long latency, cancellations or a stall have to be bad; the other alerts say it by their windows. */
  readonly for: string;
  /** The job whose series are looked at; undefined for every job. */
  readonly job?: string | undefined;
  /** Where docs/alerts.md can be read; each alert links to its section there. */
  readonly runbookUrl?: string | undefined;
}

/** One alert before it is a rule. */
export interface Alert {
  readonly name: string;
  readonly severity: 'page' | 'ticket';
  readonly expr: string;
  readonly for?: string;
  /** Labels beside the severity. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly description: string;
}

/** How fast the error budget burns, after the multiwindow alerts of the SRE workbook, table 5-8; the budget is that of 30 days. */
export const BURN_RATES = [
  { factor: 14.4, long: '1h', short: '5m', severity: 'page' },
  { factor: 6, long: '6h', short: '30m', severity: 'page' },
  { factor: 1, long: '3d', short: '6h', severity: 'ticket' },
] as const;

/** What grows while requests get on: a handler whose requests make none of these grow stalls. One that is not there does not. */
const PROGRESS: readonly (readonly [MetricKey, suffix: string])[] = [
  ['duration', '_count'],
  ['items', ''],
];

/** The alerts of one endpoint, or of all where the queries say none. */
export function endpointAlerts(queries: EndpointQueries, options: RuleOptions): Alert[] {
  const where = addressLabelNames(queries.set.naming)
    .map((name) => `{{ $labels.${name} }}`)
    .join('.');
  return [
    ...budgetAlerts(queries, options, where),
    slow(queries, options, where),
    stalled(queries, options, where),
    cancelled(queries, options, where),
    refusing(queries, options, where),
  ];
}

function budgetAlerts(queries: EndpointQueries, { objective }: RuleOptions, where: string): Alert[] {
  return BURN_RATES.map(({ factor, long, short, severity }) => {
    // A share of 0.001 is what 99.9 % leaves, not 0.0009999999999999432.
    const threshold = Number(((factor * (100 - objective)) / 100).toPrecision(12));
    const over = (window: string) => `${queries.recorded('errors', `ratio_rate${window}`)} > ${threshold}`;
    return {
      name: 'ProfiledErrorBudgetBurn',
      severity,
      labels: { long_window: long, short_window: short },
      expr: `${over(long)}\nand\n${over(short)}`,
      summary: `${where} fails too often`,
      description:
        `{{ $value | humanizePercentage }} of the requests that ended in ${long} have failed, which spends the error budget of ${objective} % ` +
        `${factor} times as fast as it lasts; the last ${short} are no better. ${metricName(queries.set, 'errors')} says by ${ERROR_TYPE_LABEL} where they fail.`,
    };
  });
}

function slow(queries: EndpointQueries, { latencyObjective, window, for: duration }: RuleOptions, where: string) {
  return {
    name: 'ProfiledSlowRequests',
    severity: 'ticket',
    expr: `${queries.recorded('request_duration_seconds', `p99_rate${window}`)} > ${latencyObjective}`,
    for: duration,
    summary: `${where} is slow`,
    description:
      `One request in a hundred takes {{ $value | humanizeDuration }} or longer, where ${latencyObjective} s is the objective. ` +
      'A slow reader of a stream counts too: compare with the bytes sent and the requests in flight.',
  } as const;
}

function stalled(queries: EndpointQueries, { window, for: duration }: RuleOptions, where: string) {
  const busy = queries.sum(queries.metric('inflight'), 'instance');
  const moves = PROGRESS.map(
    ([key, suffix]) => `${queries.sum(`increase(${queries.metric(key, suffix)}[${window}])`, 'instance')} > 0`,
  );
  return {
    name: 'ProfiledStalled',
    severity: 'page',
    expr: [`${busy} > 0`, ...moves].join('\nunless\n'),
    for: duration,
    summary: `${where} on {{ $labels.instance }} stalls`,
    description:
      `{{ $value }} requests are in flight, and for ${window} none has ended or handed on an item, for ${duration} on end. The handler waits for something ` +
      'that does not come, or its consumers do not read: take a stack or a heap snapshot of that process before it is restarted.',
  } as const;
}

function cancelled(queries: EndpointQueries, { maxCancellations, window, for: duration }: RuleOptions, where: string) {
  return {
    name: 'ProfiledCancellations',
    severity: 'ticket',
    expr: `${queries.recorded('cancellations', `ratio_rate${window}`)} > ${maxCancellations / 100}`,
    for: duration,
    summary: `consumers stop many requests to ${where}`,
    description:
      `{{ $value | humanizePercentage }} of the requests that ended were stopped by their consumers, where ${maxCancellations} % is the limit. ` +
      'Callers give up: look at the latency and at their time limits.',
  } as const;
}

function refusing(queries: EndpointQueries, { window, for: duration }: RuleOptions, where: string) {
  return {
    name: 'ProfiledRejections',
    severity: 'ticket',
    expr: `${queries.sum(`increase(${queries.metric('rejected')}[${window}])`)} > 0`,
    for: duration,
    summary: `${where} refuses requests`,
    description:
      `Calls found the handler at its limit and were refused, about {{ $value | humanize }} in ${window}, for ${duration} on end. ` +
      'Compare the time in the queue with the duration: more load, or a slower handler.',
  } as const;
}

/** The alerts on what the library says of itself: numbers that can not be trusted, or are missing. One such sample is one too many. */
export function selfAlerts({ job, window }: RuleOptions): Alert[] {
  const { labelOverflow, droppedSamples, scrapeErrors } = SELF_METRICS;
  const grows = (metric: SelfMetric) => growing(metric, job, window);
  return [
    {
      name: 'ProfiledLabelOverflow',
      severity: 'ticket',
      expr: grows(labelOverflow),
      summary: 'label {{ $labels.label }} of {{ $labels.metric }} has too many values on {{ $labels.instance }}',
      description:
        'New values of that label are counted under __other__, all together. Take the label from a smaller set of values, such as ' +
        'a route in place of a path.',
    },
    {
      name: 'ProfiledSamplesDropped',
      severity: 'ticket',
      expr: grows(droppedSamples),
      summary: 'samples of {{ $labels.metric }} are dropped on {{ $labels.instance }}',
      description:
        'The reason is {{ $labels.reason }}; the first of them is in the log of that process (DYN_LOG=warn). The metric shows less than ' +
        'what happened.',
    },
    {
      name: 'ProfiledScrapeErrors',
      severity: 'ticket',
      expr: grows(scrapeErrors),
      summary: 'scrapes of {{ $labels.instance }} are incomplete',
      description:
        'Metrics were left out because their collection failed ({{ $labels.reason }}). The log of that process names them (DYN_LOG=error).',
    },
  ];
}

/** A counter that grew, or that began above 0: its first samples were there before a scrape could see it at 0. */
function growing({ name, labels }: SelfMetric, job: string | undefined, window: string): string {
  const metric = select(name, job === undefined ? {} : { job });
  const by = ['job', 'instance', ...labels].join(', ');
  return `sum by (${by}) (increase(${metric}[${window}])) > 0\nor\nsum by (${by}) (${metric} unless ${metric} offset ${window}) > 0`;
}
