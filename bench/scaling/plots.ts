import { spread } from '../wire/statistics';
import type { Point, Question, ScalingResult, Sizes } from './bench';

/** A place on a plot: how many there are, and what was measured there. */
export type Place = readonly [at: number, value: number];

/** Medians, which a line joins, and what single processes found around them. */
export interface Line {
  readonly name: string;
  readonly medians: readonly Place[];
  readonly single: readonly Place[];
}

export interface Panel {
  /** What the vertical axis shows, with its unit. */
  readonly title: string;
  readonly isLog: boolean;
  readonly lines: readonly Line[];
}

/** What is drawn for one question. */
export interface Plot {
  readonly question: Question;
  readonly title: string;
  /** What the horizontal axis shows, which is always a logarithm. */
  readonly growing: string;
  readonly panels: readonly Panel[];
}

/** What each process found, from the median of what the base took. An item is what the whole stream takes, divided by its items. */
export function nanosOf(point: Point, isOurs: boolean, items = 1): number[] {
  const base = spread(point.calls.map(({ baseNs }) => baseNs)).median;
  return point.calls.map(({ ratio, baseNs }) => (isOurs ? (ratio - 1) * base : baseNs) / items);
}

/** What each process found of a size; nothing where it was not measured. */
export function sizesOf({ sizes }: Point, size: keyof Sizes): number[] {
  return sizes.flatMap((one) => one[size] ?? []);
}

function line(name: string, points: readonly Point[], valuesOf: (point: Point) => readonly number[]): Line {
  const all = points.map((point) => ({ at: point.at, values: valuesOf(point) })).filter((one) => one.values.length > 0);
  return {
    name,
    medians: all.map(({ at, values }): Place => [at, spread(values).median]),
    single: all.flatMap(({ at, values }) => values.map((value): Place => [at, value])),
  };
}

/** The four plots. */
export function plotsOf({ points }: ScalingResult): Plot[] {
  const calls = (
    question: Question,
    title: string,
    bare: string,
    isLog = false,
    itemsAt = (_: number) => 1,
  ): Panel => ({
    title,
    isLog,
    lines: [
      line('Profiled, beyond that', points[question], (one) => nanosOf(one, true, itemsAt(one.at))),
      line(bare, points[question], (one) => nanosOf(one, false, itemsAt(one.at))),
    ],
  });
  const size = (question: Question, title: string, of: keyof Sizes, isLog = false): Panel => ({
    title,
    isLog,
    lines: [line('Profiled', points[question], (one) => sizesOf(one, of))],
  });
  return [
    {
      question: 'handlers',
      title: 'Handlers',
      growing: 'decorated handlers, called in turn',
      panels: [
        calls('handlers', 'CPU of a call (ns)', 'the bare call'),
        size('handlers', 'heap for a handler (bytes)', 'heap'),
        size('handlers', 'CPU of a scrape (ms)', 'scrapeMs', true),
      ],
    },
    {
      question: 'streams',
      title: 'Open streams',
      growing: 'streams that stay open meanwhile',
      panels: [
        calls('streams', 'CPU to open and close one more (ns)', 'the bare stream'),
        size('streams', 'heap for an open stream (bytes)', 'heap'),
      ],
    },
    {
      question: 'labels',
      title: 'Values of a label',
      growing: 'distinct values, in turn',
      panels: [
        calls('labels', 'CPU of a call (ns)', 'the call without the metric'),
        size('labels', 'series of the metric', 'series', true),
      ],
    },
    {
      question: 'items',
      title: 'Items of a stream',
      growing: 'items of each stream',
      panels: [calls('items', 'CPU of an item (ns)', 'the bare item', true, (at) => at)],
    },
  ];
}

/** The medians in words: what a plot says to those who do not see it. */
export function descriptionOf({ growing, panels }: Plot): string {
  return panels
    .flatMap(({ title, lines }) =>
      lines.map(({ name, medians }) => {
        const places = medians.map(([at, value]) => `${at}: ${Number(value.toPrecision(3))}`);
        return `${title}, ${name}, by ${growing}: ${places.join(', ')}.`;
      }),
    )
    .join(' ');
}
