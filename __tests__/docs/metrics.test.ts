import { ERROR_TYPES } from '../../lib';
import { LABEL_VALUE_LIMIT, OVERFLOW_VALUE } from '../../lib/metrics/label-limit';
import {
  DEFAULT_BUCKETS,
  DROP_REASONS,
  INFERENCE_BUCKETS,
  INFERENCE_FIRST_RESPONSE_BUCKETS,
  LEVELS,
  NAMING_SCHEMES,
  OUTCOMES,
  PLANE_CAPACITY_METRIC,
  PLANE_METRICS,
  PLANE_REFUSALS_METRIC,
  REFUSAL_REASONS,
  SELF_METRICS,
  SIDES,
  STANDARD_METRICS,
  STREAM_METRICS,
  ADMISSION_METRICS,
  REJECTION_REASONS,
  UPTIME_METRIC,
} from '../../lib/metrics/names';
import { METRIC_MOMENTS } from '../../lib/profile/custom-metric';
import { SEND_TIME_HEADER } from '../../lib/wire/send-time';
import { plain, section, tableRows, textOf } from './markdown';

const PAGE = textOf('docs/metrics.md');
const README = textOf('README.md');

/** The standard set as `[name, type, help]`, under the plain naming. */
const STANDARD = Object.values(STANDARD_METRICS).map(({ name = NAMING_SCHEMES.plain.inflight, type, help }) => [
  name,
  type,
  help,
]);

const columns = (rows: string[][], count: number) => rows.map((row) => row.slice(0, count).map(plain));

describe('docs/metrics.md', () => {
  const standard = section(PAGE, 'The standard set');

  test('lists the standard set: names, types, HELP, in the order of a scrape', () => {
    expect(columns(tableRows(standard), 3)).toEqual(STANDARD);
  });

  test('names the further labels', () => {
    const further = tableRows(standard).map(([name, , , labels]) => [plain(name!), plain(labels!)]);
    const expected = Object.values(STANDARD_METRICS).map((metric) => {
      const labels = 'labelNames' in metric ? metric.labelNames.join() : metric.type === 'histogram' ? 'le' : '';
      return [metric.name ?? NAMING_SCHEMES.plain.inflight, labels];
    });
    expect(further).toEqual(expected);
  });

  test('has uptime_seconds with its label', () => {
    const [row] = tableRows(standard.slice(standard.indexOf('one more when')));
    const label = Object.entries(NAMING_SCHEMES.plain.uptimeLabels).map(([name, value]) => `${name}="${value}"`);
    expect(row!.map(plain)).toEqual([UPTIME_METRIC.name, 'gauge', UPTIME_METRIC.help, label.join()]);
  });

  test('has the bounds of both sets of buckets', () => {
    expect(standard).toContain(`by default \`${DEFAULT_BUCKETS.join(' ')}\``);
    expect(standard).toContain(`\`${INFERENCE_BUCKETS.join(' ')}\``);
    expect(NAMING_SCHEMES.dynamo.buckets).toBe(INFERENCE_BUCKETS);
  });

  test('lists the streaming set: names, types, HELP, labels, bounds, in the order of a scrape', () => {
    const page = section(PAGE, 'The streaming set');
    const expected = Object.values(STREAM_METRICS).map((metric) => {
      const labels = 'labelNames' in metric ? metric.labelNames.join() : metric.type === 'histogram' ? 'le' : '';
      return [metric.name, metric.type, metric.help, labels];
    });
    expect(columns(tableRows(page), 4)).toEqual(expected);
    const { firstResponse, interResponse } = STREAM_METRICS;
    expect(page).toContain(`Bounds \`${firstResponse.buckets.join(' ')}\``);
    expect(page).toContain(`\`${INFERENCE_FIRST_RESPONSE_BUCKETS.slice(firstResponse.buckets.length).join(' ')}\``);
    expect(page).toContain(`Bounds \`${interResponse.buckets.join(' ')}\``);
    for (const outcome of OUTCOMES) expect(section(PAGE, 'Outcomes')).toContain(`| \`${outcome}\` |`);
    for (const side of SIDES) expect(PAGE).toContain(`{side="${side}"}`);
  });

  test('lists what a handler with a limit has: names, types, HELP, labels, bounds, reasons', () => {
    const page = section(PAGE, 'Admission');
    const expected = Object.values(ADMISSION_METRICS).map((metric) => {
      const labels = 'labelNames' in metric ? metric.labelNames.join() : metric.type === 'histogram' ? 'le' : '';
      return [metric.name, metric.type, metric.help, labels];
    });
    expect(columns(tableRows(page), 4).slice(0, expected.length)).toEqual(expected);
    expect(page).toContain(`Bounds \`${ADMISSION_METRICS.queueWait.buckets.join(' ')}\``);
    for (const reason of REJECTION_REASONS) expect(page).toContain(`\`reason="${reason}"\``);
  });

  test("lists the request plane's metrics: names, types, HELP, buckets, in the order of a scrape", () => {
    const page = section(PAGE, 'The request plane');
    const row = ({ name, type, help }: { name: string; type: string; help: string }) => [name, type, help];
    expect(columns(tableRows(page), 3)).toEqual(Object.values(PLANE_METRICS).map(row));
    expect(columns(tableRows(page.slice(page.indexOf('One more is there'))), 3)).toEqual([row(PLANE_CAPACITY_METRIC)]);
    const refusals = tableRows(page.slice(page.indexOf('One has a label')));
    expect(columns(refusals, 4)).toEqual([[...row(PLANE_REFUSALS_METRIC), ...PLANE_REFUSALS_METRIC.labelNames]]);
    for (const reason of REFUSAL_REASONS) expect(page).toContain(`\`${reason}\`: `);
    for (const metric of Object.values(PLANE_METRICS)) {
      if ('buckets' in metric) expect(page).toContain(`Buckets \`${metric.buckets.join(' ')}\``);
    }
    expect(page).toContain(`header \`${SEND_TIME_HEADER}\``);
    expect(page).toContain(`each begins with \`${NAMING_SCHEMES.dynamo.planePrefix}\``);
  });

  test('compares the two namings', () => {
    const { plain: ours, dynamo } = NAMING_SCHEMES;
    expect(Object.keys(NAMING_SCHEMES)).toEqual(['plain', 'dynamo']);
    expect(columns(tableRows(section(PAGE, 'Naming')), 3)).toEqual([
      ['prefix', ours.prefix, dynamo.prefix],
      ...LEVELS.map((level) => [`label of the ${level}`, ours.labels[level], dynamo.labels[level]]),
      ['requests in progress', ours.inflight, dynamo.inflight],
      ["prefix of the request plane's metrics", ours.planePrefix, dynamo.planePrefix],
      ['uptime', `${UPTIME_METRIC.name}{namespace="http_server"}`, dynamo.prefix + UPTIME_METRIC.name],
    ]);
    expect(dynamo.uptimeLabels).toEqual({});
  });

  test('lists what the library says of itself', () => {
    const rows = tableRows(section(PAGE, 'What the library says of itself'));
    const expected = Object.values(SELF_METRICS).map(({ name, type, help, labels }) => [
      name,
      type,
      help,
      labels.map((label) => `\`${label}\``).join(', '),
    ]);
    expect(rows.map(([name, type, help, labels]) => [plain(name!), type, help, labels])).toEqual(expected);
  });

  test('lists moments, reasons and limits of custom metrics', () => {
    const custom = section(PAGE, 'Custom metrics');
    const moments = tableRows(custom).map(([moment]) => /`(\w+)`/.exec(moment!)![1]);
    expect([...moments].sort()).toEqual([...METRIC_MOMENTS].sort());
    expect(columns(tableRows(custom.slice(custom.indexOf('### Dropped samples'))), 1).flat()).toEqual([
      ...DROP_REASONS,
    ]);
    expect(custom).toContain(`first ${LABEL_VALUE_LIMIT} distinct values`);
    expect(custom).toContain(`\`${OVERFLOW_VALUE}\``);
  });
});

describe('README.md', () => {
  const standard = section(README, 'The standard metrics');

  test('lists the same metrics and types', () => {
    const expected = [...STANDARD.map(([name, type]) => [name, type]), [UPTIME_METRIC.name, 'gauge']];
    expect(columns(tableRows(standard), 2).sort()).toEqual(expected.sort());
  });

  test('lists the same error types', () => {
    const rows = tableRows(standard.slice(standard.indexOf('| `error_type` |')));
    expect(columns(rows, 1).flat()).toEqual([...ERROR_TYPES]);
  });
});
