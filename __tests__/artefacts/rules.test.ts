import { ruleFile } from '../../lib/artefacts/rules';
import { DEFAULT_BUCKETS } from '../../lib';
import { describeWith, promtoolWith } from '../support/installed-tool';
import { NAMES, OPTIONS, setOf } from './sets';

const everything = (file: ReturnType<typeof ruleFile>) => file.groups.flatMap(({ rules }) => rules);

describe('the rules of two endpoints', () => {
  const sets = [
    setOf({ naming: 'plain' }, 'one'),
    setOf({ naming: 'plain', prefix: 'x_', labels: { team: 't' } }, 'two'),
  ];
  const file = ruleFile(sets, OPTIONS);

  test('are a group for each, and one for the library', () => {
    expect(file.groups.map(({ name }) => name)).toEqual([
      'profiled requests_total{component="c",endpoint="one",namespace="n"}',
      'profiled x_requests_total{component="c",endpoint="two",namespace="n",team="t"}',
      'profiled',
    ]);
  });

  test('select nothing but the endpoint of their group', () => {
    const [one, two] = file.groups.map(({ rules }) => rules.map(({ expr }) => expr).join('\n'));
    // Every selector has all labels of its endpoint.
    const selectors = (text: string) => Array.from(text.matchAll(/[a-z_:0-9]+\{[^}]*\}/g), ([selector]) => selector);
    expect(selectors(one!).length).toBeGreaterThan(20);
    for (const selector of selectors(one!)) expect(selector).toContain('{component="c",endpoint="one",namespace="n"}');
    for (const selector of selectors(two!)) {
      expect(selector).toContain('{component="c",endpoint="two",namespace="n",team="t"}');
      expect(selector).toMatch(/^(endpoint:)?x_/);
    }
  });

  test('are there once for handlers that share their series', () => {
    expect(ruleFile([...sets, ...sets], OPTIONS)).toEqual(file);
  });
});

test('without an address the sums keep endpoints apart', () => {
  const [rule] = everything(ruleFile([{ ...setOf({ naming: 'dynamo' }), labels: {} }], OPTIONS));
  const by = 'job, dynamo_namespace, dynamo_component, dynamo_endpoint';
  expect(rule).toEqual({
    record: 'endpoint:dynamo_component_requests:rate5m',
    expr: `sum by (${by}) (rate(dynamo_component_requests_total[5m]))`,
  });
});

test('a job narrows every selector', () => {
  for (const { expr } of everything(ruleFile([setOf({ naming: 'plain' })], { ...OPTIONS, job: 'my "job"' }))) {
    const selectors = expr.match(/[a-z_:0-9]*\{[^}]*\}/g) ?? [];
    expect(selectors.length).toBeGreaterThan(0);
    for (const selector of selectors) expect(selector).toContain(String.raw`job="my \"job\""`);
  }
});

test('each alert links to its section of the runbook, if there is one', () => {
  const links = (runbookUrl?: string) =>
    everything(ruleFile([setOf({})], { ...OPTIONS, runbookUrl })).flatMap((rule) =>
      'alert' in rule ? [[rule.alert, rule.annotations.runbook_url]] : [],
    );
  for (const [, link] of links()) expect(link).toBeUndefined();
  for (const [name, link] of links('https://a.test/alerts')) {
    expect(link).toBe(`https://a.test/alerts#${name!.toLowerCase()}`);
  }
});

test('a latency that no bucket can show is refused, with the highest one that can be', () => {
  const set = setOf({ naming: 'plain', buckets: [0.1, 0.5] });
  expect(set.bounds).toEqual([0.1, 0.5]);
  expect(setOf({ naming: 'plain' }).bounds).toEqual(DEFAULT_BUCKETS);
  expect(() => ruleFile([set], { ...OPTIONS, latencyObjective: 0.5 })).toThrow(
    /PROFILED_CONFIG_INVALID: the latency objective is 0.5 s, but the durations of {.*"endpoint":"e".*} are only told apart up to 0.5 s/,
  );
  expect(() => ruleFile([set], { ...OPTIONS, latencyObjective: 0.49 })).not.toThrow();
});

describeWith('promtool')('promtool check rules', () => {
  const check = (file: object) => promtoolWith({ 'rules.yml': file }, 'check', 'rules', '--lint-fatal', 'rules.yml');

  test.each(NAMES)('has nothing to say of rules under %s', (_, options, endpoint) => {
    const { status, complaints } = check(ruleFile([setOf(options, endpoint)], OPTIONS));
    expect({ status, complaints }).toMatchObject({
      status: 0,
      complaints: [expect.anything(), '  SUCCESS: 19 rules found'],
    });
  });

  test('nor of all of them in one file, nor of other windows', () => {
    const sets = NAMES.map(([, options, endpoint]) => setOf(options, endpoint));
    const file = ruleFile(sets, { ...OPTIONS, window: '1m30s', for: '2s', job: 'j', runbookUrl: 'https://a.test/b' });
    const { status, complaints } = check(file);
    expect({ status, complaints }).toMatchObject({ status: 0 });
    expect(complaints).toHaveLength(2);
  });

  test.each(NAMES)('has nothing to say of rules without a module under %s', (_, options) => {
    const set = setOf(options);
    const constant = Object.keys(options.labels ?? {});
    const labels = Object.fromEntries(Object.entries(set.labels).filter(([name]) => constant.includes(name)));
    expect(check(ruleFile([{ ...set, labels }], OPTIONS)).status).toBe(0);
  });
});
