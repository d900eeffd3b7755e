import { dashboard } from '../../lib/artefacts/dashboard';
import {
  NAMING_SCHEMES,
  PLANE_METRICS,
  SELF_METRICS,
  STANDARD_METRICS,
  STREAM_METRICS,
  ADMISSION_METRICS,
  UPTIME_METRIC,
} from '../../lib/metrics/names';
import type { StandardSet } from '../../lib/metrics/standard';
import { describeWith, promtoolWith } from '../support/installed-tool';
import { NAMES, setOf } from './sets';

/** What the tests look at in a dashboard, as Grafana reads it. */
interface Dashboard {
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { name: string; type: string; query: string | { query: string } }[] };
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly description?: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly datasource?: object;
    readonly targets?: readonly { refId: string; expr: string; legendFormat: string; datasource: object }[];
    readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
    readonly options?: { readonly yAxis?: { readonly unit: string } };
  }[];
}

const of = (...sets: StandardSet[]) => dashboard(sets, { title: 'T' }) as Dashboard;
const queries = ({ panels }: Dashboard) => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
const board = of(setOf({ naming: 'plain' }));

test('has a row for each subject, and panels below it that fill its width', () => {
  expect(board.panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
    'Traffic',
    'Errors',
    'Latency',
    'Streams: items',
    'Streams: ends and waits',
    'In flight',
    'Admission',
    'Bytes',
    'Cancellations',
    'Metrics themselves',
  ]);
  const widths = new Map<number, number>();
  let reached = { x: 0, y: -1 };
  for (const { gridPos } of board.panels) {
    const { x, y, w, h } = gridPos;
    // Each begins where the one before it ends, or below it at the left.
    expect(x).toBe(y === reached.y ? reached.x : 0);
    expect(y).toBeGreaterThanOrEqual(reached.y);
    expect(Number.isInteger(x) && w > 0 && h > 0).toBe(true);
    widths.set(y, (widths.get(y) ?? 0) + w);
    reached = { x: x + w, y };
  }
  expect(new Set(widths.values())).toEqual(new Set([24]));
  expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
});

test('every panel says what it shows, in a unit, from the data source that is chosen', () => {
  const source = { type: 'prometheus', uid: '${datasource}' };
  for (const panel of board.panels.filter(({ type }) => type !== 'row')) {
    expect(panel.description!.length).toBeGreaterThan(20);
    expect(panel.datasource).toEqual(source);
    expect(panel.targets!.map(({ refId }) => refId)).toEqual(['A', 'B', 'C'].slice(0, panel.targets!.length));
    for (const target of panel.targets!)
      expect(target).toMatchObject({ datasource: source, legendFormat: expect.stringMatching(/./) });
  }
});

test.each([
  ['Requests that arrived', 'reqps'],
  ['Share of requests that failed', 'percentunit'],
  ['Failures by type', 'cps'],
  ['Duration', 's'],
  ['Durations', 's'],
  ['Time to the first item', 's'],
  ['Time since the last item', 's'],
  ['Streams by outcome', 'cps'],
  ['Requests in flight', 'short'],
  ['Bytes of responses', 'Bps'],
  ['Mean size of a response', 'decbytes'],
])('%s is in %s', (title, unit) => {
  const panel = board.panels.find((one) => one.title === title)!;
  expect(panel.fieldConfig!.defaults.unit ?? panel.options!.yAxis!.unit).toBe(unit);
});

test('its variables narrow each other, and every query uses them', () => {
  const { list } = board.templating;
  expect(list.map(({ name, type }) => [name, type])).toEqual([
    ['datasource', 'datasource'],
    ['job', 'query'],
    ['namespace', 'query'],
    ['component', 'query'],
    ['endpoint', 'query'],
  ]);
  expect((list.at(-1)!.query as { query: string }).query).toBe(
    'label_values(requests_total{component="c",endpoint="e",namespace="n",job=~"$job",namespace=~"$namespace",component=~"$component"}, endpoint)',
  );
  const used = new Set(queries(board).flatMap((expr) => expr.match(/\$\w+/g) ?? []));
  expect([...used].sort()).toEqual(['$__rate_interval', '$component', '$endpoint', '$job', '$namespace']);
  for (const expr of queries(board)) expect(expr).toContain('job=~"$job"');
});

test('without a module its variables offer every endpoint, of one job if it is given', () => {
  const set = { ...setOf({ naming: 'dynamo' }), labels: {} };
  const offered = (job?: string) =>
    (dashboard([set], { title: 'T', job }) as Dashboard).templating.list
      .slice(1, 3)
      .map(({ query }) => (query as { query: string }).query);
  expect(offered()).toEqual([
    'label_values(dynamo_component_requests_total, job)',
    'label_values(dynamo_component_requests_total{job=~"$job"}, dynamo_namespace)',
  ]);
  expect(offered('j')[0]).toBe('label_values(dynamo_component_requests_total{job="j"}, job)');
});

test('names no metric that there is not', () => {
  const known = [
    ...Object.values(STANDARD_METRICS),
    ...Object.values(STREAM_METRICS),
    ...Object.values(ADMISSION_METRICS),
    ...Object.values(SELF_METRICS),
    ...Object.values(PLANE_METRICS),
    UPTIME_METRIC,
  ].map(({ name = NAMING_SCHEMES.plain.inflight }) => name);
  for (const expr of queries(board)) {
    const named = Array.from(expr.matchAll(/([a-z_]+?)(?:_bucket|_count|_sum)?\{/g), ([, name]) => name);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !known.includes(name!))).toEqual([]);
  }
});

test('handlers with other prefixes and labels share the panels', () => {
  const other = setOf({ naming: 'plain', prefix: 'x_', labels: { team: 't' } }, 'f.g');
  const [expr] = queries(of(setOf({ naming: 'plain', labels: { team: 's' } }), other));
  expect(expr).toContain('{__name__=~"requests_total|x_requests_total",team=~"s|t",job=~"$job"');
  const endpoints = of(setOf({ naming: 'plain' }), other).templating.list.at(-1)!.query as { query: string };
  expect(endpoints.query).toContain(String.raw`endpoint=~"e|f\\.g"`);
});

test('two namings do not go into one', () => {
  expect(() => of(setOf({ naming: 'plain' }), setOf({ naming: 'dynamo' }))).toThrow(
    /PROFILED_CONFIG_INVALID: the handlers use both namings/,
  );
});

describeWith('promtool')('promtool', () => {
  test.each(NAMES)('can parse every query under %s', (_, options, endpoint) => {
    const set = setOf(options, endpoint);
    const other = { ...set, prefix: 'other_' };
    const rules = [of(set), of(set, other), of({ ...set, labels: {} })]
      .flatMap(queries)
      .map((expr, i) => ({ record: `query:${i}`, expr: expr.replaceAll('$__rate_interval', '5m') }));
    const { status, complaints } = promtoolWith(
      { 'rules.yml': { groups: [{ name: 'g', rules }] } },
      'check',
      'rules',
      'rules.yml',
    );
    expect({ status, complaints }).toMatchObject({ status: 0 });
  });
});
