import { metricName, select, type MetricKey } from '../../lib/artefacts/queries';
import { type Rule, ruleFile } from '../../lib/artefacts/rules';
import { SELF_METRICS } from '../../lib/metrics/names';
import type { StandardSet } from '../../lib/metrics/standard';
import { describeWith, promtoolWith } from '../support/installed-tool';
import { section, textOf } from '../docs/markdown';
import { NAMES, OPTIONS, setOf } from './sets';

/** The samples of a series in promtool's notation, one a minute: `0+1x60` is 61 samples from 0 on, `_x9` nine without one. */
type Series = readonly [name: string, labels: Readonly<Record<string, string>>, samples: string];

const TARGET = { job: 'j', instance: 'i' };

/** What becomes of a handler's requests. */
interface Run extends Partial<Record<MetricKey, string>> {
  /** Whether they take between 0.25 and 2.5 s, and not less. */
  readonly isSlow?: boolean;
}

/** Series of one process for a handler, by default of 60 fast requests a minute. */
function handler(
  set: StandardSet,
  { isSlow = false, duration = '0+60x600', ...others }: Run,
  target = TARGET,
): Series[] {
  const labels = { ...set.labels, ...target };
  const name = metricName(set, 'duration');
  const all: Series[] = [
    [`${name}_count`, labels, duration],
    [`${name}_bucket`, { ...labels, le: '0.25' }, isSlow ? '0+0x600' : duration],
    [`${name}_bucket`, { ...labels, le: '2.5' }, duration],
    [`${name}_bucket`, { ...labels, le: '+Inf' }, duration],
  ];
  for (const [key, samples] of Object.entries(others) as [MetricKey, string][]) {
    const more: Record<string, string> = key === 'errors' ? { error_type: 'generate' } : {};
    all.push([metricName(set, key), { ...labels, ...more }, samples]);
  }
  return all;
}

/** What fires, or has stopped to, at minutes after the begin. */
interface Expected {
  readonly alert: string;
  /** A matcher that narrows it further. */
  readonly only?: string;
  readonly at: number;
  /** The values of `long_window`, or of another label, of what fires. */
  readonly fires: readonly string[];
}

/** Asks `promtool test rules` with the rules as they are generated; one line for each expectation that fails, none if none does. */
function complaints(set: StandardSet, series: readonly Series[], expected: readonly Expected[], kept = 'long_window') {
  const test = {
    interval: '1m',
    input_series: series.map(([name, labels, values]) => ({ series: select(name, labels), values })),
    promql_expr_test: expected.map(({ alert, only = '', at, fires }) => ({
      expr: `count by (${kept}) (ALERTS{alertname="${alert}",alertstate="firing",${only}})`,
      eval_time: `${at}m`,
      exp_samples: fires.map((value) => ({ labels: value === '' ? '{}' : select('', { [kept]: value }), value: 1 })),
    })),
  };
  const files = {
    'rules.yml': ruleFile([set], OPTIONS),
    'test.yml': { rule_files: ['rules.yml'], evaluation_interval: '1m', tests: [test] },
  };
  const { status, complaints: lines } = promtoolWith(files, 'test', 'rules', 'test.yml');
  return status === 0 ? [] : lines;
}

/** The names that differ most, one of each naming; all of them are checked as rules. */
const TRIED = NAMES.filter(([what]) => ['naming, prefix and labels', 'hostile texts'].includes(what));

describeWith('promtool').each(TRIED)('under %s', (_, options, endpoint) => {
  const set = setOf(options, endpoint);
  const check = (series: readonly Series[], expected: readonly Expected[], kept?: string) =>
    expect(complaints(set, series, expected, kept)).toEqual([]);

  describe('ProfiledErrorBudgetBurn', () => {
    const alert = 'ProfiledErrorBudgetBurn';

    test('fires for the fast windows within minutes, and stops minutes after the failures', () => {
      const only = 'long_window="1h"';
      // One in five fails from minute 60 to 70.
      check(handler(set, { errors: '0+0x60 12+12x9 120+0x400' }), [
        { alert, only, at: 60, fires: [] },
        { alert, only, at: 62, fires: [] },
        { alert, only, at: 70, fires: ['1h'] },
        { alert, only, at: 78, fires: [] },
      ]);
    });

    test('fires for the slow windows within the hour, and stops half an hour after the failures', () => {
      const only = 'long_window="6h"';
      // One in twenty fails from minute 360 to 420.
      check(handler(set, { errors: '0+0x360 3+3x59 180+0x400' }), [
        { alert, only, at: 390, fires: [] },
        { alert, only, at: 415, fires: ['6h'] },
        { alert, only, at: 450, fires: [] },
      ]);
    });

    test('fires for the windows that a steady share of failures is too much for', () => {
      const steady = (failed: string, fires: string[]) =>
        check(handler(set, { duration: '0+2000x600', errors: failed }), [{ alert, at: 100, fires }]);
      steady('0+40x600', ['1h', '6h', '3d']);
      steady('0+20x600', ['6h', '3d']);
      steady('0+6x600', ['3d']);
      steady('0+1x600', []);
    });

    test('does not fire while nothing ends, nor for a handler that never fails', () => {
      check(handler(set, { duration: '0+0x600', errors: '0+0x600' }), [{ alert, at: 100, fires: [] }]);
      check(handler(set, { errors: '0+0x600' }), [{ alert, at: 100, fires: [] }]);
    });
  });

  describe('ProfiledSlowRequests', () => {
    const alert = 'ProfiledSlowRequests';

    test('fires when the 99th percentile is too high for as long as it has to be', () => {
      check(handler(set, { isSlow: true }), [
        { alert, at: 4, fires: [] },
        { alert, at: 12, fires: [''] },
      ]);
    });

    test('does not fire for fast requests, nor without any', () => {
      check(handler(set, {}), [{ alert, at: 30, fires: [] }]);
      check(handler(set, { duration: '5+0x600', isSlow: true }), [{ alert, at: 30, fires: [] }]);
    });
  });

  describe('ProfiledStalled', () => {
    const alert = 'ProfiledStalled';
    const stuck = { inflight: '3+0x600', duration: '0+60x30 1800+0x600' };

    test('fires for the one process whose requests do not end, and stops when they do', () => {
      const other = handler(set, { inflight: '1+0x600' }, { job: 'j', instance: 'other' });
      const series = [...handler(set, { ...stuck, duration: '0+60x30 1800+0x30 1800+60x600' }), ...other];
      const expected = [
        { alert, at: 30, fires: [] },
        { alert, at: 37, fires: [] },
        { alert, at: 42, fires: ['i'] },
        { alert, at: 60, fires: ['i'] },
        { alert, at: 64, fires: [] },
      ];
      check(series, expected, 'instance');
    });

    test('does not fire while streams hand on items, and does when they stop', () => {
      check(
        handler(set, { ...stuck, items: '0+100x60 6000+0x600' }),
        [
          { alert, at: 58, fires: [] },
          { alert, at: 75, fires: ['i'] },
        ],
        'instance',
      );
    });

    test('does not fire for an idle process, nor for one with a request that has just begun', () => {
      check(handler(set, { ...stuck, inflight: '0+0x600' }), [{ alert, at: 60, fires: [] }], 'instance');
      check(handler(set, { ...stuck, inflight: '0+0x57 1+0x2 0+0x600' }), [{ alert, at: 60, fires: [] }], 'instance');
    });
  });

  describe('ProfiledCancellations', () => {
    const alert = 'ProfiledCancellations';

    test.each([
      ['fires when more than a tenth', '0+12x600', ['']],
      ['does not fire when fewer', '0+3x600', []],
    ])('%s of the requests are cancelled', (__, cancellations, fires) => {
      check(handler(set, { cancellations }), [
        { alert, at: 4, fires: [] },
        { alert, at: 20, fires },
      ]);
    });
  });

  test('ProfiledRejections fires while calls are refused, not for a few of them, and not without a limit', () => {
    const alert = 'ProfiledRejections';
    check(handler(set, { rejected: '0+0x20 1+1x20 21+0x60' }), [
      { alert, at: 20, fires: [] },
      { alert, at: 30, fires: [''] },
      { alert, at: 60, fires: [] },
    ]);
    check(handler(set, { rejected: '0+0x20 1+0x60' }), [{ alert, at: 25, fires: [] }]);
    check(handler(set, {}), [{ alert, at: 60, fires: [] }]);
  });
});

describeWith('promtool')('of the library itself', () => {
  const set = setOf({ naming: 'plain' });
  const check = (series: readonly Series[], expected: readonly Expected[]) =>
    expect(complaints(set, series, expected, 'instance')).toEqual([]);

  test.each([
    ['ProfiledLabelOverflow', SELF_METRICS.labelOverflow],
    ['ProfiledSamplesDropped', SELF_METRICS.droppedSamples],
    ['ProfiledScrapeErrors', SELF_METRICS.scrapeErrors],
  ])('%s fires while its counter grows, or was born above 0, and not for what is long past', (alert, metric) => {
    const series = (samples: string): Series[] => [
      [metric.name, { ...Object.fromEntries(metric.labels.map((label) => [label, 'x'])), ...TARGET }, samples],
    ];
    check(series('0+0x20 1+1x20 21+0x60'), [
      { alert, at: 19, fires: [] },
      { alert, at: 30, fires: ['i'] },
      { alert, at: 60, fires: [] },
    ]);
    check(series('_x9 7+0x60'), [
      { alert, at: 8, fires: [] },
      { alert, at: 12, fires: ['i'] },
      { alert, at: 30, fires: [] },
    ]);
  });
});

const SET = setOf({ naming: 'plain', labels: { team: 'a {{ b }}' } });
const ALERTS = ruleFile([SET], OPTIONS).groups.flatMap(({ rules }) => rules.filter((rule) => 'alert' in rule));

describeWith('promtool')('what an alert says', () => {
  /** The texts as a reader gets them: the labels in their places, and a value as its filter writes it. */
  const rendered = (rule: Extract<Rule, { alert: string }>, labels: Readonly<Record<string, string>>, value: string) =>
    Object.fromEntries(
      Object.entries(rule.annotations).map(([name, text]) => [
        name,
        text
          .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (__, label: string) => labels[label] ?? '')
          .replace(/\{\{ \$value.*?\}\}/, value),
      ]),
    );

  test.each([
    ['ProfiledErrorBudgetBurn', { errors: '0+30x600' }, {}, '50%'],
    ['ProfiledSlowRequests', { isSlow: true }, {}, '2.478s'],
    ['ProfiledStalled', { inflight: '3+0x600', duration: '0+0x600' }, { instance: 'i' }, '3'],
    ['ProfiledCancellations', { cancellations: '0+30x600' }, {}, '50%'],
    ['ProfiledRejections', { rejected: '0+3x600' }, {}, '15'],
  ] as const)('%s', (alert, samples, more, value) => {
    const rules = ALERTS.filter((rule) => rule.alert === alert);
    const labels = { ...SET.labels, job: 'j', ...more };
    const exp_alerts = rules.map((rule) => ({
      exp_labels: { ...labels, ...rule.labels, team: 'a {{ b }}' },
      exp_annotations: rendered(rule, labels, value),
    }));
    const test = {
      interval: '1m',
      input_series: handler(SET, samples).map(([name, of, values]) => ({ series: select(name, of), values })),
      alert_rule_test: [{ alertname: alert, eval_time: '100m', exp_alerts }],
    };
    const files = {
      'rules.yml': ruleFile([SET], OPTIONS),
      'test.yml': { rule_files: ['rules.yml'], evaluation_interval: '1m', tests: [test] },
    };
    expect(rules.length).toBe(alert === 'ProfiledErrorBudgetBurn' ? 3 : 1);
    expect(promtoolWith(files, 'test', 'rules', 'test.yml').complaints).toEqual([
      'Unit Testing:  test.yml',
      '  SUCCESS',
    ]);
  });
});

test('docs/alerts.md has a section for each, and no other', () => {
  const page = textOf('docs/alerts.md');
  const sections = Array.from(page.matchAll(/^## (Profiled\w+)$/gm), ([, name]) => name!);
  expect(sections).toEqual([...new Set(ALERTS.map(({ alert }) => alert))]);
  for (const name of sections) expect(section(page, name)).toMatch(/\*\*Means:\*\*[^]+\*\*Look at:\*\*/);
});

describeWith('promtool')('these tests', () => {
  test('would see an alert that should not fire', () => {
    const set = setOf({ naming: 'plain' });
    const series = handler(set, { cancellations: '0+12x600' });
    expect(complaints(set, series, [{ alert: 'ProfiledCancellations', at: 20, fires: [] }])).not.toEqual([]);
  });
});
