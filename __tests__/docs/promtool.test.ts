import { Registry } from 'prom-client';
import { admissionSeries } from '../../lib/metrics/admission-series';
import { renderText } from '../../lib/metrics/exposition/render';
import { LABEL_VALUE_LIMIT } from '../../lib/metrics/label-limit';
import {
  ADMISSION_METRICS,
  type Naming,
  NAMING_SCHEMES,
  NAMINGS,
  SELF_METRICS,
  STREAM_METRICS,
} from '../../lib/metrics/names';
import { planeCapacity, planeSeries } from '../../lib/metrics/plane-series';
import { addProcessMetrics } from '../../lib/metrics/process-metrics';
import { resolveNaming, standardSeries } from '../../lib/metrics/standard';
import { storeOf } from '../../lib/metrics/store';
import { streamSeries } from '../../lib/metrics/stream-series';
import { describeWith, promtool, promtoolWith } from '../support/installed-tool';
import { codeBlocks, section, textOf } from './markdown';

const PAGE = textOf('docs/metrics.md');

/** A registry with the standard set, the request plane's and all the library's own counters, each with a value. */
function filled(naming: Naming): Registry {
  const registry = new Registry();
  const store = storeOf(registry);
  const address = { namespace: 'n', component: 'c', endpoint: 'e "\\ \n' };
  const series = standardSeries(store, address, resolveNaming({ naming }));
  series.requests.value += 1;
  series.duration.observe(0.2);
  streamSeries(store, address, resolveNaming({ naming })).interResponse.observe(0.2);
  admissionSeries(store, address, resolveNaming({ naming })).queueWait.observe(0.2);
  planeSeries(store, naming).transit.observe(0.2);
  planeCapacity(store, naming).value += 1;
  store.drop('x_total', 'value');
  for (let i = 0; i <= LABEL_VALUE_LIMIT; i++) store.labelLimit('x_total', 'route').bound(i);
  store.scrapeErrors('error').value += 1;
  store.scrapes().duration.observe(0.2);
  return registry;
}

describeWith('promtool')('promtool', () => {
  test.each(NAMINGS)('has nothing to say of our metrics under the %s naming', async (naming) => {
    const text = await renderText(filled(naming));
    for (const { name } of Object.values(SELF_METRICS)) expect(text).toContain(`\n# TYPE ${name} `);
    for (const { name } of [...Object.values(STREAM_METRICS), ...Object.values(ADMISSION_METRICS)]) {
      expect(text).toContain(`\n# TYPE ${NAMING_SCHEMES[naming].prefix}${name} `);
    }
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, complaints: [] });
  });

  test.each([
    ['a counter without its suffix', '# HELP x X\n# TYPE x counter\nx 1\n'],
    ['text that is none of the format', '# HELP x X\n# TYPE x gauge\nx{a="b} 1\n'],
  ])('would find %s', (_, text) => {
    expect(promtool(['check', 'metrics'], text).status).not.toBe(0);
  });

  test('complains of the process metrics as the page says', async () => {
    const registry = filled('plain');
    addProcessMetrics(registry);
    const [documented] = codeBlocks(section(PAGE, 'What a linter says'), 'text');
    const { status, complaints } = promtool(['check', 'metrics'], await renderText(registry));
    expect(status).toBe(3);
    expect(complaints).toEqual(documented!.trim().split('\n'));
  });

  test('can parse every query of the page', () => {
    const queries = codeBlocks(PAGE, 'promql')
      .join('\n')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(queries.length).toBeGreaterThan(4);
    const rules = queries.map((expr, i) => ({ record: `query:${i}`, expr }));
    const { status, complaints } = promtoolWith(
      { 'rules.yml': { groups: [{ name: 'page', rules }] } },
      'check',
      'rules',
      'rules.yml',
    );
    expect({ status, complaints }).toMatchObject({ status: 0 });
  });
});
