import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastRatios } from '../../bench/method/history';
import { quoted } from '../../bench/wire/quote';
import type { Result } from '../../bench/recording/bench';
import { CASES } from '../../bench/recording/cases';
import { Figures } from '../../bench/recording/figures';
import { needs, ratiosOf, RECORDING_FLOORS } from '../../bench/recording/floors';
import type { Cell } from '../../bench/recording/plan';
import { floorLines, markdown, profileLines, readmeLines } from '../../bench/recording/report';
import { ADDITIONS, WRAPPERS } from '../../bench/recording/wrapper';

/** A cell of processes that found these ratios over a bare call of `baseNs`. */
const cell = (wrapper: string, of: string, ratios: number[], baseNs = 100, bytes = 0): Cell => ({
  wrapper,
  of,
  readings: ratios.map((ratio) => ({ ratio, baseNs, bytes })),
});

/** All that floors need: ours three times bare, prom-client 43 times, OpenTelemetry 103 times. */
const CELLS = [
  ...['value', 'promise', 'gen1', 'json16', 'chat16'].flatMap((of) => [
    cell('ours', of, [2, 3, 90], 100, 100),
    cell('prom', of, [43], 100, 1_000),
    cell('otel', of, [103]),
    cell('none', of, [1]),
  ]),
  cell('ours', 'gen256', [3], 10_000, 25_600),
  cell('prom', 'gen256', [28], 10_000, 256_000),
];

describe('the figures of the recording bench', () => {
  const figures = new Figures(CELLS);

  it('takes what is beyond bare from the median of ratios, and one bare time for all', () => {
    expect(figures.overheadNs('ours', 'value')).toBe(200);
    const apart = new Figures([
      cell('ours', 'value', [3], 80),
      cell('prom', 'value', [43], 120),
      cell('none', 'value', [1], 100),
    ]);
    expect(apart.overheadNs('ours', 'value')).toBe(200);
    expect(apart.times('ours', 'prom', 'value')).toBe(21);
    expect(
      new Figures([cell('ours', 'value', [3], 80), cell('prom', 'value', [43], 120)], false).times(
        'ours',
        'prom',
        'value',
      ),
    ).toBe(31.5);
  });

  it('leaves out of the bare time what slows every call of its process', () => {
    const slowed = new Figures([cell('ours', 'value', [3]), cell('autometrics', 'value', [9], 900)]);
    expect(slowed.bareNs('value')).toBe(100);
  });

  it('tells an item from the stream that it is in', () => {
    expect(figures.figure('ours', 'item')).toBeCloseTo((20_000 - 200) / 255);
    expect(figures.figure('ours', 'itemBytes')).toBe(100);
    expect(figures.figure('ours', 'json')).toBe(200 / 16);
    expect(figures.figure('otel', 'item')).toBeUndefined();
  });

  it('says how many times less ours costs, for each floor', () => {
    expect(ratiosOf(CELLS)["a value call, prom-client's usual style"]).toBe(21);
    expect(ratiosOf(CELLS)['a value call, OpenTelemetry']).toBe(51);
    expect(Object.keys(ratiosOf(CELLS))).toEqual(RECORDING_FLOORS.map(({ name }) => name));
  });

  it('needs for a floor the cells of both sides, and no others', () => {
    const [value] = RECORDING_FLOORS.filter(({ figure, peer }) => figure === 'item' && peer === 'prom');
    const needed = CELLS.filter(needs([value!])).map(({ wrapper, of }) => `${wrapper} ${of}`);
    expect(needed).toEqual(['ours gen1', 'prom gen1', 'ours gen256', 'prom gen256']);
  });
});

describe('the report of the recording bench', () => {
  const plan = { effort: { pairs: 1, batchMs: 1, warmMs: 1 }, rounds: 1, floorRounds: 3 };
  const result: Result = {
    machine: { cpu: '2 x some', node: 'v20' },
    packages: { 'prom-client': '15.1.3' },
    plan,
    cells: CELLS,
    ownSpace: CELLS.filter(({ of }) => of === 'value'),
    additions: [cell('custom', 'value', [1.2]), cell('guard', 'gen1', [1.7])],
    profiles: { value: [{ name: 'hrtime', share: 0.25 }] },
  };

  it('says of each floor whether it is met', () => {
    const lines = floorLines(result);
    expect(lines).toContain(
      "| a value call, prom-client's usual style | 200.0 to 4,200 | 1/21.0 | 1/21.0 | 1/20 | met |",
    );
    expect(lines).toContain("| a string item, prom-client's usual style | 77.6 to 1,042 | 1/13.4 |  | 1/12 | met |");
    expect(lines).toContain('| `@CustomMetric` without labels | 20 ns |  |  | 30 ns | met |');
    expect(lines).toContain('| the guard against abandoned streams | 70 ns |  |  | 60 ns | not met |');
  });

  it('shows the spread over the processes, the control and the bare call', () => {
    const lines = markdown(result).split('\n');
    const rowOf = (title: string) => lines.find((line) => line.startsWith(`| ${title} |`) && line.includes('x;'));
    expect(rowOf(WRAPPERS[0]!.title)).toContain(' | 200 (3.00x; 2.00..90.0) | ');
    expect(rowOf('nothing (the control)')).toContain(' | 0 (1.00x; 1.00..1.00) | ');
    expect(lines).toContain('| `hrtime` | 25.0 % |');
  });

  it('has one name for each row and each case', () => {
    for (const names of [[...WRAPPERS, ...ADDITIONS].map(({ name }) => name), CASES.map(({ name }) => name)]) {
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

describe('the results in the repository', () => {
  const ROOT = join(__dirname, '..', '..');
  const text = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
  const result = JSON.parse(text('bench', 'results', 'recording.json')) as Result;

  it('are what the report, README and the documentation show', () => {
    expect(text('bench', 'results', 'recording.md')).toBe(markdown(result));
    const readme = text('README.md');
    expect(quoted(readme, 'recording', readmeLines(result))).toBe(readme);
    const page = text('docs', 'performance.md');
    expect(quoted(page, 'floors', floorLines(result))).toBe(page);
    expect(quoted(page, 'profiles', profileLines(result))).toBe(page);
  });

  it('are the last of the history, which the guard goes by', () => {
    // Those of scrapes stand beside them.
    expect(lastRatios(join(ROOT, 'bench', 'results', 'history.jsonl'))).toMatchObject(ratiosOf(result.cells));
  });

  it('have a reading of every wrapper in every case where it can be compared', () => {
    const measured = new Set(result.cells.map(({ wrapper, of }) => `${wrapper} ${of}`));
    const wanted = WRAPPERS.flatMap(({ name, cases }) =>
      CASES.filter((of) => cases?.(of) ?? true).map((of) => `${name} ${of.name}`),
    );
    expect(wanted.filter((one) => !measured.has(one))).toEqual([]);
  });
});
