import type { Reading } from './pair';
import type { PeerReadings, Plan, Readings } from './rounds';
import { paired, type Spread, spread } from './statistics';

/** All of one run of the bench. */
export interface Result {
  readonly machine: Readonly<Record<string, string>>;
  readonly plan: Plan;
  readonly readings: Readings;
}

/** One table: which figure of which cases, and whether more of it is better. */
interface Table {
  readonly title: string;
  readonly figure: Exclude<keyof Reading, 'failure'>;
  readonly isMoreBetter: boolean;
  readonly show: (value: number) => string;
}

const whole = (value: number) => Math.round(value).toLocaleString('en');
const fine = (value: number) => value.toFixed(value < 10 ? 2 : 1);
const kib = (value: number) => (value / 1024).toFixed(1);

const TABLES: readonly Table[] = [
  { title: 'Items or requests a second', figure: 'perSecond', isMoreBetter: true, show: whole },
  {
    title: 'CPU seconds for a million, all processes',
    figure: 'cpuMicros',
    isMoreBetter: false,
    show: fine,
  },
  { title: 'of these the worker (and the broker)', figure: 'workerMicros', isMoreBetter: false, show: fine },
  { title: 'Milliseconds to the first item, p50', figure: 'p50', isMoreBetter: false, show: fine },
  { title: 'Milliseconds to the first item, p99', figure: 'p99', isMoreBetter: false, show: fine },
  { title: 'KiB resident for an open stream, all processes', figure: 'rss', isMoreBetter: false, show: kib },
  { title: 'KiB of JavaScript for an open stream', figure: 'js', isMoreBetter: false, show: kib },
];

/** The whole run as Markdown. */
export function markdown({ machine, plan, readings }: Result): string {
  const about = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const lines = [
    '# The wire, measured',
    '',
    `${about.join('; ')}. ${plan.rounds} rounds, windows of ${plan.windowMs} ms.`,
    '',
    'Each cell: the median over the rounds, and in parentheses how many times better ours was than that peer in the same round,',
    'as median [smallest..largest]. Above 1 = ours is ahead.',
    '',
    ...TABLES.flatMap((table) => tableLines(table, readings)),
    ...failureLines(readings),
  ];
  return `${lines.join('\n')}\n`;
}

/** The rounds that are missing above, and why. */
function failureLines(readings: Readings): string[] {
  const lines = Object.values(readings).flatMap(({ title, cases }) =>
    Object.entries(cases).flatMap(([name, rounds]) =>
      rounds.flatMap(({ failure }, i) => (failure ? [`- ${title}, ${name}, round ${i + 1}: ${failure}`] : [])),
    ),
  );
  return lines.length > 0 ? ['## Rounds that failed, and are not in the tables', '', ...lines, ''] : [];
}

function tableLines(table: Table, readings: Readings): string[] {
  const { ours, ...others } = readings;
  const peers = Object.values<PeerReadings | undefined>({ ours, ...others }).filter((peer) => peer !== undefined);
  const cases = Object.keys(peers[0]?.cases ?? {}).filter((name) =>
    peers.some(({ cases }) => cases[name]!.some((reading) => isNumber(reading[table.figure]))),
  );
  if (cases.length === 0) return [];
  return [
    `## ${table.title}`,
    '',
    `| case | ${peers.map(({ title }) => title).join(' | ')} |`,
    `|---|${'---:|'.repeat(peers.length)}`,
    ...cases.map((name) => `| ${name} | ${peers.map((peer) => cell(table, name, peer, ours)).join(' | ')} |`),
    '',
  ];
}

function cell({ figure, isMoreBetter, show }: Table, name: string, peer: PeerReadings, ours?: PeerReadings): string {
  const readings = peer.cases[name]!;
  const rounds = [...readings.keys()].filter((round) =>
    [peer, ours ?? peer].every(({ cases }) => isNumber(cases[name]![round]![figure])),
  );
  if (rounds.length === 0) return readings.some(({ failure }) => failure) ? 'failed' : '-';
  const values = rounds.map((round) => readings[round]![figure]!);
  const text = show(spread(values).median);
  if (!ours || peer === ours) return text;
  const own = rounds.map((round) => ours.cases[name]![round]![figure]!);
  return `${text} (${ratioText(spread(isMoreBetter ? paired(own, values) : paired(values, own)))})`;
}

function ratioText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} [${min.toFixed(2)}..${max.toFixed(2)}]`;
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}
