import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUESTIONS, SCALING_PLAN, type Point, type ScalingResult } from '../../bench/scaling/bench';
import { descriptionOf, nanosOf, plotsOf } from '../../bench/scaling/plots';
import { scalingLines, scalingMarkdown } from '../../bench/scaling/report';
import { quoted } from '../../bench/wire/quote';
import { LABEL_VALUE_LIMIT } from '../../lib/metrics/label-limit';

const ROOT = join(__dirname, '..', '..');
const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const recorded = JSON.parse(read('bench', 'results', 'scaling.json')) as ScalingResult;

/** Ours takes 2, 3 and 9 times what the base does. */
const point = (at: number, sizes: Point['sizes'] = []): Point => ({
  at,
  calls: [
    { ratio: 2, baseNs: 90, bytes: 0 },
    { ratio: 3, baseNs: 100, bytes: 0 },
    { ratio: 9, baseNs: 130, bytes: 0 },
  ],
  sizes,
});
const result: ScalingResult = {
  machine: { node: 'v20' },
  plan: SCALING_PLAN,
  points: {
    handlers: [point(1, [{ scrapeMs: 0.5 }]), point(100, [{ heap: 5_000, scrapeMs: 2 }])],
    streams: [point(1), point(100, [{ heap: 400 }, { heap: 600 }, { heap: 500 }])],
    labels: [point(100, [{ series: 100 }])],
    items: [point(1), point(10)],
  },
};

describe('the arithmetic of the scaling bench', () => {
  it('takes nanoseconds from ratios and one base for all processes', () => {
    expect(nanosOf(point(1), true)).toEqual([100, 200, 800]);
    expect(nanosOf(point(1), false)).toEqual([90, 100, 130]);
    expect(nanosOf(point(10), true, 10)).toEqual([10, 20, 80]);
  });

  it('shows what was not measured as such', () => {
    expect(scalingLines(result, 'handlers').slice(2)).toEqual([
      '| 1 | 100.0 | 200.0 (100.0..800.0) | - | 0.50 |',
      '| 100 | 100.0 | 200.0 (100.0..800.0) | 5,000 | 2.00 |',
      '',
    ]);
    expect(scalingLines(result, 'streams')[3]).toBe('| 100 | 100.0 | 200.0 (100.0..800.0) | 500 |');
  });

  it('divides a stream by its items', () => {
    expect(scalingLines(result, 'items')[3]).toBe('| 10 | 10.0 | 20.0 (10.0..80.0) |');
  });

  it('draws the medians, and every process beside them', () => {
    const [, streams] = plotsOf(result);
    const [calls, heap] = streams!.panels;
    expect(calls!.lines[0]).toMatchObject({
      medians: [
        [1, 200],
        [100, 200],
      ],
      single: [
        [1, 100],
        [1, 200],
        [1, 800],
        [100, 100],
        [100, 200],
        [100, 800],
      ],
    });
    expect(heap!.lines[0]!.medians).toEqual([[100, 500]]);
    expect(descriptionOf(streams!)).toContain('heap for an open stream (bytes), Profiled, by streams that stay open');
  });
});

describe('what was recorded of scaling', () => {
  it('is all that the plan asks for', () => {
    for (const question of QUESTIONS) {
      const points = recorded.points[question];
      expect(points.map(({ at }) => at)).toEqual(SCALING_PLAN.at[question]);
      expect(new Set(points.map(({ calls }) => calls.length))).toEqual(new Set([SCALING_PLAN.rounds]));
    }
  });

  it('is what the tables and the page show', () => {
    expect(scalingMarkdown(recorded)).toBe(read('bench', 'results', 'scaling.md'));
    const page = read('docs', 'performance-scaling.md');
    for (const question of QUESTIONS) expect(quoted(page, question, scalingLines(recorded, question))).toBe(page);
  });

  it('is what the plots show, which the page shows', () => {
    const page = read('docs', 'performance-scaling.md');
    for (const plot of plotsOf(recorded)) {
      expect(page).toContain(`](performance/${plot.question}.svg)`);
      const svg = read('docs', 'performance', `${plot.question}.svg`);
      expect(svg).toContain(`<desc>${descriptionOf(plot)}</desc>`);
      for (const { title } of [plot, ...plot.panels]) expect(svg).toContain(`>${title}</text>`);
    }
  });

  it('has no more series than the limit of a label lets be', () => {
    for (const { at, sizes } of recorded.points.labels) {
      for (const { series } of sizes) expect(series).toBe(at > LABEL_VALUE_LIMIT ? LABEL_VALUE_LIMIT + 1 : at);
    }
  });
});
