import { Counter, Gauge, Histogram, type Metric, Registry, Summary } from 'prom-client';
import { renderText } from '../../lib/metrics/exposition/render';
import { parseOpenMetrics, parseText } from '../support/exposition-parser';

/**
 * What the tables of client_golang's encoders, the examples of the OpenMetrics 1.0 text and those of prom-client's manual are about, case by
 * case. Values and words are our own.
 */
interface Case {
  readonly type: string;
  readonly name: string;
  readonly help: string;
  readonly values: readonly object[];
  readonly text: readonly string[];
  readonly openmetrics: readonly string[];
}

const bucket = (le: number | string, value: number, exemplar?: object) => ({
  metricName: 'wait_seconds_bucket',
  labels: { le },
  value,
  exemplar,
});

const CASES: Readonly<Record<string, Case>> = {
  'a HELP text of two lines with a backslash, labels in the order in which they were given': {
    type: 'counter',
    name: 'jobs',
    help: 'line one\n line  t\\wo',
    values: [
      { labels: { zone: 'a', app: 'x' }, value: 42 },
      { labels: { zone: 'b', app: 'x' }, value: 0.23 },
    ],
    text: [
      '# HELP jobs line one\\n line  t\\\\wo',
      '# TYPE jobs counter',
      'jobs{zone="a",app="x"} 42',
      'jobs{zone="b",app="x"} 0.23',
    ],
    openmetrics: [
      '# TYPE jobs counter',
      '# HELP jobs line one\\n line  t\\\\wo',
      'jobs_total{zone="a",app="x"} 42',
      'jobs_total{zone="b",app="x"} 0.23',
    ],
  },
  'label values with every escape and with more than one byte; the largest values': {
    type: 'gauge',
    name: 'level',
    help: 'say "hi"',
    values: [
      { labels: { a: 'new\nline', b: 'back\\slash "quoted"' }, value: Infinity },
      { labels: { a: 'Ærøskøbing', b: '港口' }, value: 2.5e42 },
    ],
    text: [
      '# HELP level say "hi"',
      '# TYPE level gauge',
      'level{a="new\\nline",b="back\\\\slash \\"quoted\\""} +Inf',
      'level{a="Ærøskøbing",b="港口"} 2.5e+42',
    ],
    openmetrics: [
      '# TYPE level gauge',
      '# HELP level say \\"hi\\"',
      'level{a="new\\nline",b="back\\\\slash \\"quoted\\""} +Inf',
      'level{a="Ærøskøbing",b="港口"} 2.5e+42',
    ],
  },
  'a type that nobody knows, the smallest values, and a sample without labels': {
    type: 'untyped',
    name: 'anything',
    help: '',
    values: [
      { labels: {}, value: -Infinity },
      { labels: { a: 'b' }, value: -1.5e-45 },
      { labels: { a: '' }, value: NaN },
    ],
    text: [
      '# HELP anything ',
      '# TYPE anything untyped',
      'anything -Inf',
      'anything{a="b"} -1.5e-45',
      'anything{a=""} NaN',
    ],
    openmetrics: [
      '# TYPE anything unknown',
      '# HELP anything ',
      'anything -Inf',
      'anything{a="b"} -1.5e-45',
      'anything{a=""} NaN',
    ],
  },
  'a summary with labels, values below 0, and a quantile that is not known': {
    type: 'summary',
    name: 'delta',
    help: 'd',
    values: [
      { labels: { quantile: 0.5, a: 'b' }, value: -1.25 },
      { labels: { quantile: 0.99, a: 'b' }, value: NaN },
      { metricName: 'delta_sum', labels: { a: 'b' }, value: -3.5 },
      { metricName: 'delta_count', labels: { a: 'b' }, value: 42 },
    ],
    text: [
      '# HELP delta d',
      '# TYPE delta summary',
      'delta{quantile="0.5",a="b"} -1.25',
      'delta{quantile="0.99",a="b"} NaN',
      'delta_sum{a="b"} -3.5',
      'delta_count{a="b"} 42',
    ],
    openmetrics: [
      '# TYPE delta summary',
      '# HELP delta d',
      'delta{quantile="0.5",a="b"} -1.25',
      'delta{quantile="0.99",a="b"} NaN',
      'delta_sum{a="b"} -3.5',
      'delta_count{a="b"} 42',
    ],
  },
  'a histogram with exemplars: with a time and one label, and with two labels': {
    type: 'histogram',
    name: 'wait_seconds',
    help: 'w',
    values: [
      bucket(0.1, 8),
      bucket(1, 11, { labelSet: { trace_id: 'K1' }, value: 0.67, timestamp: 12345.6 }),
      bucket(10, 17, { labelSet: { trace_id: 'é', span: '2' }, value: 9.8, timestamp: 12345 }),
      bucket('+Inf', 17),
      { metricName: 'wait_seconds_sum', labels: {}, value: 32.5 },
      { metricName: 'wait_seconds_count', labels: {}, value: 17 },
    ],
    text: [
      '# HELP wait_seconds w',
      '# TYPE wait_seconds histogram',
      'wait_seconds_bucket{le="0.1"} 8',
      'wait_seconds_bucket{le="1"} 11',
      'wait_seconds_bucket{le="10"} 17',
      'wait_seconds_bucket{le="+Inf"} 17',
      'wait_seconds_sum 32.5',
      'wait_seconds_count 17',
    ],
    openmetrics: [
      '# TYPE wait_seconds histogram',
      '# UNIT wait_seconds seconds',
      '# HELP wait_seconds w',
      'wait_seconds_bucket{le="0.1"} 8',
      'wait_seconds_bucket{le="1.0"} 11 # {trace_id="K1"} 0.67 12345.6',
      'wait_seconds_bucket{le="10.0"} 17 # {trace_id="é",span="2"} 9.8 12345',
      'wait_seconds_bucket{le="+Inf"} 17',
      'wait_seconds_sum 32.5',
      'wait_seconds_count 17',
    ],
  },
  'a counter with an exemplar, which its unit stands before': {
    type: 'counter',
    name: 'busy_seconds_total',
    help: 'b',
    values: [{ labels: {}, value: 4.5, exemplar: { labelSet: { id: '1' }, value: 0.5, timestamp: 1.5 } }],
    text: ['# HELP busy_seconds_total b', '# TYPE busy_seconds_total counter', 'busy_seconds_total 4.5'],
    openmetrics: [
      '# TYPE busy_seconds counter',
      '# UNIT busy_seconds seconds',
      '# HELP busy_seconds b',
      'busy_seconds_total 4.5 # {id="1"} 0.5 1.5',
    ],
  },
  'a family without a sample': {
    type: 'counter',
    name: 'nothing_total',
    help: 'n',
    values: [],
    text: ['# HELP nothing_total n', '# TYPE nothing_total counter'],
    openmetrics: ['# TYPE nothing counter', '# HELP nothing n'],
  },
  'an info, whose samples have names of their own': {
    type: 'info',
    name: 'build',
    help: 'b',
    values: [{ metricName: 'build_info', labels: { version: '1.2' }, value: 1 }],
    text: ['# HELP build b', '# TYPE build info', 'build_info{version="1.2"} 1'],
    openmetrics: ['# TYPE build info', '# HELP build b', 'build_info{version="1.2"} 1'],
  },
};

const lines = (text: string) => text.split('\n').filter((line) => line && !line.includes('profiled_scrape_errors'));

describe('what others publish as examples of their encoders', () => {
  test.each(Object.entries(CASES))('%s', async (_, { text, openmetrics, ...family }) => {
    const registry = new Registry();
    registry.registerMetric({ ...family, get: async () => family } as unknown as Metric);
    expect(lines(await renderText(registry))).toEqual(text);
    const open = await renderText(registry, { format: 'openmetrics' });
    expect(lines(open)).toEqual([...openmetrics, '# EOF']);
    // Only OpenMetrics knows the type info.
    if (family.type !== 'info') expect(parseText(await renderText(registry)).length).toBe(2);
    expect(parseOpenMetrics(open)[0]!.samples).toHaveLength(family.values.length);
  });
});

describe("what prom-client's manual shows", () => {
  test('each kind of metric, with and without labels, as prom-client writes it, and again under OpenMetrics', async () => {
    const registry = new Registry();
    registry.setDefaultLabels({ serviceName: 'api-v1' });
    const registers = [registry];
    new Counter({ name: 'metric_name', help: 'metric_help', registers }).inc(10);
    const codes = new Counter({ name: 'codes_total', help: 'c', labelNames: ['code'] as const, registers });
    codes.inc({ code: 200 });
    codes.labels('500').inc(2);
    const gauge = new Gauge({ name: 'gauge_with_labels', help: 'g', labelNames: ['method', 'statusCode'], registers });
    gauge.set({ method: 'GET', statusCode: '200' }, 100);
    gauge.labels({ method: 'POST' }).dec(3.5);
    new Histogram({ name: 'hist', help: 'h', labelNames: ['status'], buckets: [0.1, 5, 15], registers })
      .labels('ok')
      .observe(5);
    new Summary({ name: 'sum', help: 's', percentiles: [0.01, 0.1, 0.9, 0.99], registers }).observe(10);
    new Gauge({
      name: 'at_scrape',
      help: 'a',
      registers,
      collect() {
        this.set(7);
      },
    });
    const theirs = await registry.metrics();
    const ours = await renderText(registry);
    expect(ours.slice(0, ours.indexOf('\n# HELP profiled_'))).toBe(theirs);
    const open = parseOpenMetrics(await renderText(registry, { format: 'openmetrics' }));
    const inText = parseText(theirs);
    expect(open.slice(0, inText.length).map(({ samples }) => samples.map(({ value }) => value))).toEqual(
      inText.map(({ samples }) => samples.map(({ value }) => value)),
    );
  });
});

/** The productions of the OpenMetrics 1.0 grammar, each with what it takes and what it does not. */
describe('the grammar of OpenMetrics 1.0, as the parser of these tests has it', () => {
  const family = (type: string, ...samples: string[]) =>
    `# TYPE a ${type}\n${samples.map((line) => `${line}\n`).join('')}# EOF\n`;

  test.each([
    ['an exposition of nothing', '# EOF\n'],
    [
      'numbers: signs, leading zeros, no digit before or after the point',
      family('gauge', 'a{n="1"} +0012', 'a{n="2"} -.5', 'a{n="3"} 1.', 'a{n="4"} 1E+06'),
    ],
    [
      'numbers that are none, in any case',
      family('gauge', 'a{n="1"} NaN', 'a{n="2"} nan', 'a{n="3"} +Inf', 'a{n="4"} -infinity', 'a{n="5"} INF'),
    ],
    ['timestamps with a fraction', family('gauge', 'a 1 1520879607.789')],
    ['labels: none, empty, with every character', family('gauge', 'a{} 1', 'a{b=""} 1', 'a{b="\\"\\\\\\n{},= #"} 1')],
    ['a metric name with colons', 'a:b: 1\n# EOF\n'],
    ['metadata alone', '# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n# HELP a_seconds h\n# EOF\n'],
    ['metadata in another order', '# HELP a_seconds h\n# UNIT a_seconds seconds\n# TYPE a_seconds gauge\n# EOF\n'],
    ['a counter with _created', family('counter', 'a_total 1', 'a_created 1.5e9')],
    ['a stateset', family('stateset', 'a{a="on"} 1', 'a{a="off"} 0')],
    ['an info', family('info', 'a_info{v="1"} 1')],
    ['a gaugehistogram', family('gaugehistogram', 'a_bucket{le="+Inf"} 3', 'a_gcount 3', 'a_gsum 2')],
    [
      'an exemplar without labels, and one with 128 characters',
      family('counter', 'a_total{n="1"} 1 # {} 1', `a_total{n="2"} 1 # {b="${'c'.repeat(127)}"} 1 1.5`),
    ],
  ])('takes %s', (_, text) => {
    expect(() => parseOpenMetrics(text)).not.toThrow();
  });

  test.each([
    ['a carriage return', 'a 1\r\n# EOF\n'],
    ['a tab', 'a\t1\n# EOF\n'],
    ['a number in hexadecimal', 'a 0x10\n# EOF\n'],
    ['a number with blanks in it', 'a 1 000 1\n# EOF\n'],
    ['a timestamp that is none', 'a 1 NaN\n# EOF\n'],
    ['a comma behind the last label', 'a{b="1",} 1\n# EOF\n'],
    ['a blank between labels', 'a{b="1", c="2"} 1\n# EOF\n'],
    ['a label value without quotes', 'a{b=1} 1\n# EOF\n'],
    ['a line feed in a label value', 'a{b="\n"} 1\n# EOF\n'],
    ['a label name with a dash', 'a{b-c="1"} 1\n# EOF\n'],
    ['a word of metadata that is none', '# NOTE a b\n# EOF\n'],
    ['a second # EOF', '# EOF\n# EOF\n'],
    ['an exemplar without a value', family('counter', 'a_total 1 # {b="c"}')],
    ['an exemplar on a sum', family('histogram', 'a_bucket{le="+Inf"} 1', 'a_count 1', 'a_sum 1 # {} 1')],
    ['a suffix of another type', family('gauge', 'a_total 1', 'a 1')],
  ])('refuses %s', (_, text) => {
    expect(() => parseOpenMetrics(text)).toThrow(SyntaxError);
  });
});
