import { fine, table, whole } from '../method/table';
import { spread } from '../wire/statistics';
import type { Result } from './bench';
import { CASES } from './cases';
import { Figures, FIGURES, type FigureName } from './figures';
import { ADDITION_LIMITS, AIMS, ratiosOf, RECORDING_FLOORS, STANDARD } from './floors';
import type { Cell } from './plan';
import { ADDITIONS, WRAPPERS } from './wrapper';

const FIGURE_NAMES = Object.keys(FIGURES) as FigureName[];

/** The whole run as Markdown. */
export function markdown(result: Result): string {
  const { machine, packages, plan } = result;
  const figures = new Figures(result.cells);
  const list = (entries: Readonly<Record<string, string>>) =>
    Object.entries(entries).map(([name, value]) => `${name} ${value}`);
  const lines = [
    '# Recording, measured',
    '',
    `${list(machine).join('; ')}.`,
    '',
    `${list(packages).join('; ')}.`,
    '',
    `Processes for each cell: ${plan.rounds}, for those of the floors ${plan.floorRounds}; in each ${plan.effort.pairs} pairs of batches of ${plan.effort.batchMs} ms.`,
    '',
    '## Floors',
    '',
    ...floorLines(result),
    '## What a call or an item costs',
    '',
    'Nanoseconds or bytes beyond the bare handler, and in parentheses how many times less ours is.',
    '',
    ...summaryLines(
      figures,
      WRAPPERS.map(({ name }) => name),
    ),
    ...CASE_TABLES.flatMap((names) => overheadLines(figures, names)),
    '## Bytes allocated for a call, beyond the bare one',
    '',
    ...CASE_TABLES.flatMap((names) => byteLines(figures, names)),
    '## What parts of ours add',
    '',
    ...additionLines(result.additions),
    ...profileLines(result),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Cases that share a table. */
const CASE_TABLES = [
  [0, 5],
  [5, 10],
  [10, CASES.length],
].map(([from, to]) => CASES.slice(from, to).map(({ name }) => name));

/** The floors: what is asked, what was measured, whether it is met. */
export function floorLines({ cells, ownSpace, additions }: Result): string[] {
  const ratios = ratiosOf(cells);
  const ownRatios = ratiosOf(
    ownSpace,
    RECORDING_FLOORS.filter(({ figure }) => !FIGURES[figure].isBytes),
    new Figures(ownSpace, false),
  );
  const figures = new Figures(cells);
  const rows = RECORDING_FLOORS.map(({ name, atLeast, figure, peer }) => [
    name,
    `${fine(figures.figure(STANDARD, figure)!)} to ${whole(figures.figure(peer, figure)!)}`,
    `1/${fine(ratios[name]!)}`,
    ownRatios[name] === undefined ? '' : `1/${fine(ownRatios[name])}`,
    `1/${atLeast}`,
    ratios[name]! >= atLeast ? 'met' : 'not met',
  ]);
  const added = additions.map((cell) => {
    const nanos = addedNs(cell);
    const limit = ADDITION_LIMITS[cell.wrapper]!;
    const { title } = ADDITIONS.find(({ name }) => name === cell.wrapper)!;
    return [title, `${whole(nanos)} ns`, '', '', `${limit} ns`, nanos <= limit ? 'met' : 'not met'];
  });
  const aims = (Object.entries(AIMS) as [FigureName, number][]).map(([figure, aim]) => {
    const nanos = figures.figure(STANDARD, figure)!;
    return [
      `${FIGURES[figure].title}, aim`,
      `${whole(nanos)} ns`,
      '',
      '',
      `${aim} ns`,
      nanos <= aim ? 'met' : 'not met',
    ];
  });
  return table(
    ['what, against whom', 'ours to theirs', 'of theirs', "in Node's own new space", 'floor', ''],
    [...rows, ...added, ...aims],
  );
}

/** Nanoseconds that a part of ours adds to the rest. */
function addedNs({ readings }: Cell): number {
  const ratio = spread(readings.map((reading) => reading.ratio)).median;
  return (ratio - 1) * spread(readings.map(({ baseNs }) => baseNs)).median;
}

/** The figures of some wrappers, ours first. */
export function summaryLines(figures: Figures, names: readonly string[]): string[] {
  const rows = WRAPPERS.filter(({ name }) => names.includes(name)).map(({ name, title, against = STANDARD }) => [
    title,
    ...FIGURE_NAMES.map((figure) => {
      const own = figures.figure(name, figure);
      if (own === undefined) return '-';
      const times = figures.times(against, name, figure)!;
      return name.startsWith(STANDARD) || name === 'none' ? whole(own) : `${whole(own)} (${fine(times)})`;
    }),
  ]);
  return table(['', ...FIGURE_NAMES.map((name) => FIGURES[name].title)], rows);
}

function overheadLines(figures: Figures, names: readonly string[]): string[] {
  const cell = (wrapper: string, of: string) => {
    const ratio = figures.ratio(wrapper, of);
    if (!ratio) return '-';
    const { median, min, max } = ratio;
    return `${whole(figures.overheadNs(wrapper, of)!)} (${fine(median)}x; ${fine(min)}..${fine(max)})`;
  };
  const bare = ['the bare handler takes', ...names.map((of) => whole(figures.bareNs(of)))];
  return [
    `## Nanoseconds beyond the bare call: ${names.join('; ')}`,
    '',
    ...table(
      ['', ...names],
      [...WRAPPERS.map(({ name, title }) => [title, ...names.map((of) => cell(name, of))]), bare],
    ),
  ];
}

function byteLines(figures: Figures, names: readonly string[]): string[] {
  const cell = (wrapper: string, of: string) => {
    const bytes = figures.bytes(wrapper, of);
    return bytes === undefined ? '-' : whole(bytes);
  };
  return table(
    ['', ...names],
    WRAPPERS.map(({ name, title }) => [title, ...names.map((of) => cell(name, of))]),
  );
}

function additionLines(cells: readonly Cell[]): string[] {
  const rows = cells.map((cell) => {
    const { title, of } = ADDITIONS.find(({ name }) => name === cell.wrapper)!;
    const { median, min, max } = spread(cell.readings.map(({ ratio }) => ratio));
    const bytes = spread(cell.readings.map((reading) => reading.bytes)).median;
    return [`${title} (${of})`, whole(addedNs(cell)), `${fine(median)}x; ${fine(min)}..${fine(max)}`, whole(bytes)];
  });
  return table(['', 'ns', 'of ours without it', 'bytes'], rows);
}

/** Self time of ours, by case. */
export function profileLines({ profiles }: Pick<Result, 'profiles'>): string[] {
  return Object.entries(profiles).flatMap(([of, times]) => [
    `## Where the time goes: ${of}`,
    '',
    ...table(
      ['function', 'self time'],
      times.map(({ name, share }) => [`\`${name}\``, `${(100 * share).toFixed(1)} %`]),
    ),
  ]);
}

/** What README quotes. */
export function readmeLines({ cells, machine }: Result): string[] {
  const peers = ['ours', 'ours-streams', 'prom', 'prom-gaps', 'platformatic', 'prometheus-io', 'otel', 'none'];
  return [...summaryLines(new Figures(cells), peers), `(${machine.cpu}, Node ${machine.node}.)`];
}
