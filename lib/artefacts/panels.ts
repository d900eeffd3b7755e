import {
  ERROR_TYPE_LABEL,
  NAMING_SCHEMES,
  OUTCOME_LABEL,
  REJECTION_LABEL,
  SELF_METRICS,
  SIDE_LABEL,
  UPTIME_METRIC,
} from '../metrics/names';
import type { DashboardQueries } from './dashboard-queries';
import type { MetricKey, SelfMetric } from './queries';

/** A query and the text of its lines. */
export type Target = readonly [expr: string, legend: string];

/** One panel before it has a place. Units are Grafana's names of them. */
export interface Panel {
  readonly title: string;
  /** What it says, and what to look for. */
  readonly description: string;
  readonly unit: 'reqps' | 'cps' | 'percentunit' | 's' | 'short' | 'Bps' | 'decbytes';
  readonly targets: readonly Target[];
  /** @default 'lines' */
  readonly kind?: 'lines' | 'stacked' | 'heatmap';
}

/** A row of panels, which share its width. */
export interface Row {
  readonly title: string;
  readonly panels: (queries: DashboardQueries) => readonly Panel[];
}

/** The dashboard from top to bottom. What is not here is not shown. */
export const ROWS: readonly Row[] = [
  { title: 'Traffic', panels: traffic },
  { title: 'Errors', panels: errors },
  { title: 'Latency', panels: latency },
  { title: 'Streams: items', panels: items },
  { title: 'Streams: ends and waits', panels: streams },
  { title: 'In flight', panels: inFlight },
  { title: 'Admission', panels: admission },
  { title: 'Bytes', panels: bytes },
  { title: 'Cancellations', panels: cancellations },
  { title: 'Metrics themselves', panels: self },
];

function traffic(queries: DashboardQueries): Panel[] {
  const { legend } = queries;
  return [
    {
      title: 'Requests that arrived',
      description: 'Requests a second, whatever became of them.',
      unit: 'reqps',
      targets: [[queries.rate('requests'), legend]],
    },
    {
      title: 'Requests that ended',
      description: 'Requests a second that were over, a stream with its end. Fewer than arrived: work piles up.',
      unit: 'reqps',
      targets: [[queries.rate('duration', '_count'), legend]],
    },
  ];
}

function errors(queries: DashboardQueries): Panel[] {
  return [
    {
      title: 'Share of requests that failed',
      description: 'Failures among the requests that ended. Cancellations are none.',
      unit: 'percentunit',
      targets: [[share(queries, 'errors'), queries.legend]],
    },
    {
      title: 'Failures by type',
      description: 'Failures a second; docs/errors.md says what each error_type means.',
      unit: 'cps',
      kind: 'stacked',
      targets: [[queries.rate('errors', '', ERROR_TYPE_LABEL), `${queries.legend} {{${ERROR_TYPE_LABEL}}}`]],
    },
  ];
}

/** A line for each quantile of a histogram. */
function quantiles(queries: DashboardQueries, key: MetricKey): Target[] {
  return [0.5, 0.9, 0.99].map((q) => [
    `histogram_quantile(${q}, ${queries.rate(key, '_bucket', 'le')})`,
    `${queries.legend} p${q * 100}`,
  ]);
}

function latency(queries: DashboardQueries): Panel[] {
  return [
    {
      title: 'Duration',
      description:
        'Arrival until the end of the stream, as half, nine in ten and all but one in a hundred requests stay below.',
      unit: 's',
      targets: quantiles(queries, 'duration'),
    },
    {
      title: 'Durations',
      description: 'How many requests took how long, all chosen endpoints together.',
      unit: 's',
      kind: 'heatmap',
      targets: [[`sum by (le) (increase(${queries.metric('duration', '_bucket')}[$__rate_interval]))`, '{{le}}']],
    },
  ];
}

function items(queries: DashboardQueries): Panel[] {
  return [
    {
      title: 'Time to the first item',
      description: 'Arrival until the first item of a stream was handed on.',
      unit: 's',
      targets: quantiles(queries, 'firstResponse'),
    },
    {
      title: 'Time between items',
      description: 'One item handed on until the next one of the same stream; slow consumers make it longer.',
      unit: 's',
      targets: quantiles(queries, 'interResponse'),
    },
    {
      title: 'Items',
      description: 'Items of streams handed on, a second.',
      unit: 'cps',
      targets: [[queries.rate('items'), queries.legend]],
    },
    {
      title: 'Time since the last item',
      description:
        'Since any stream of the endpoint, in any process, handed on an item. Growing with requests in flight: they stall.',
      unit: 's',
      targets: [[`time() - max by (${queries.by}) (${queries.metric('lastProgress')} > 0)`, queries.legend]],
    },
  ];
}

function streams(queries: DashboardQueries): Panel[] {
  return [
    {
      title: 'Streams by outcome',
      description: 'Streams a second that were over, by the way in which they ended.',
      unit: 'cps',
      kind: 'stacked',
      targets: [[queries.rate('outcomes', '', OUTCOME_LABEL), `${queries.legend} {{${OUTCOME_LABEL}}}`]],
    },
    {
      title: 'Whom streams wait for',
      description:
        'Streams that wait for their handler or for their consumer, on average. Much of the consumer: readers are slow.',
      unit: 'short',
      kind: 'stacked',
      targets: [[queries.rate('waits', '', SIDE_LABEL), `${queries.legend} {{${SIDE_LABEL}}}`]],
    },
  ];
}

function inFlight(queries: DashboardQueries): Panel[] {
  const metric = queries.metric('inflight');
  return [
    {
      title: 'Requests in flight',
      description: 'Requests that have arrived and are not over.',
      unit: 'short',
      targets: [[queries.sum(metric), queries.legend]],
    },
    {
      title: 'Requests in flight by process',
      description: 'One process far above the others: it stalls, or gets more than its share.',
      unit: 'short',
      targets: [[queries.sum(metric, 'instance'), `${queries.legend} {{instance}}`]],
    },
  ];
}

function admission(queries: DashboardQueries): Panel[] {
  const { legend } = queries;
  return [
    {
      title: 'Requests that wait',
      description: 'Requests of handlers with a limit that have arrived and have no room yet.',
      unit: 'short',
      targets: [[queries.sum(queries.metric('queued')), legend]],
    },
    {
      title: 'Time in the queue',
      description: 'Arrival until there was room; what follows, up to the duration, is the handler.',
      unit: 's',
      targets: quantiles(queries, 'queueWait'),
    },
    {
      title: 'Requests refused',
      description: 'Requests a second that found no place in the queue, or waited there for too long.',
      unit: 'cps',
      kind: 'stacked',
      targets: [[queries.rate('rejected', '', REJECTION_LABEL), `${legend} {{${REJECTION_LABEL}}}`]],
    },
  ];
}

function bytes(queries: DashboardQueries): Panel[] {
  const { legend } = queries;
  const ended = queries.rate('duration', '_count');
  return [
    {
      title: 'Bytes of requests',
      description: 'Bytes a second received in requests.',
      unit: 'Bps',
      targets: [[queries.rate('requestBytes'), legend]],
    },
    {
      title: 'Bytes of responses',
      description: 'Bytes a second handed on in responses.',
      unit: 'Bps',
      targets: [[queries.rate('responseBytes'), legend]],
    },
    {
      title: 'Mean size of a response',
      description: 'Bytes of responses for each request that ended.',
      unit: 'decbytes',
      targets: [[`${queries.rate('responseBytes')} / (${ended} > 0)`, legend]],
    },
  ];
}

function cancellations(queries: DashboardQueries): Panel[] {
  const { legend } = queries;
  return [
    {
      title: 'Cancellations',
      description: 'Requests a second that their consumers stopped.',
      unit: 'cps',
      targets: [[queries.rate('cancellations'), legend]],
    },
    {
      title: 'Share of requests that were cancelled',
      description: 'Cancellations among the requests that ended. High: callers give up waiting.',
      unit: 'percentunit',
      targets: [[share(queries, 'cancellations'), legend]],
    },
  ];
}

function self(queries: DashboardQueries): Panel[] {
  const { droppedSamples, labelOverflow, scrapeErrors, scrapeDuration, scrapesInFlight } = SELF_METRICS;
  const lost = ({ name, labels }: SelfMetric, what: string): Target => [
    `sum by (${labels.join(', ')}) (rate(${queries.ofProcess(name)}[$__rate_interval]))`,
    [what, ...labels.map((label) => `{{${label}}}`)].join(' '),
  ];
  const { prefix, uptimeLabels } = NAMING_SCHEMES[queries.naming];
  const buckets = `rate(${queries.ofProcess(`${scrapeDuration.name}_bucket`)}[$__rate_interval])`;
  return [
    {
      title: 'What the metrics do not show',
      description:
        'Samples dropped, label values put under __other__ and metrics left out of a scrape, a second. All at 0: nothing is missing.',
      unit: 'cps',
      targets: [lost(droppedSamples, 'dropped'), lost(labelOverflow, 'overflow'), lost(scrapeErrors, 'scrape')],
    },
    {
      title: 'Scrapes',
      description: 'The 99th percentile of the time that an answer takes, by process.',
      unit: 's',
      targets: [[`histogram_quantile(0.99, sum by (instance, le) (${buckets}))`, '{{instance}}']],
    },
    {
      title: 'Scrapes in flight',
      description: 'Scrapes that are being answered; more than one for each Prometheus: they overlap.',
      unit: 'short',
      targets: [[`sum by (instance) (${queries.ofProcess(scrapesInFlight.name)})`, '{{instance}}']],
    },
    {
      title: 'Age of the system server',
      description: 'Falls back to 0 when a process starts anew.',
      unit: 's',
      targets: [
        [`max by (instance) (${queries.ofProcess(prefix + UPTIME_METRIC.name, uptimeLabels)})`, '{{instance}}'],
      ],
    },
  ];
}

function share(queries: DashboardQueries, key: 'errors' | 'cancellations'): string {
  return `${queries.rate(key)} / (${queries.rate('duration', '_count')} > 0)`;
}
