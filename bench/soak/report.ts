import { type Account, earlyIn, type Expected } from './account';
import type { Done } from './faults';
import type { Reading } from './soak';

/** What memory did: medians of the second and of the last quarter of the run, in MiB. */
export interface Memory {
  readonly member: string;
  readonly held: readonly [before: number, after: number];
  readonly rss: readonly [before: number, after: number];
  readonly files: readonly [idleBefore: number, idleAfter: number];
}

/** The whole result, as bench/results/soak.json has it. */
export interface Result {
  readonly machine: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly everySeconds: number;
  readonly calls: number;
  readonly slowestMs: number;
  readonly ends: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly failures: Readonly<Record<string, number>>;
  readonly accounts: readonly Account[];
  readonly faults: readonly Done[];
  readonly memory: readonly Memory[];
  readonly readings: readonly Reading[];
  readonly problems: readonly string[];
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** The first and the last reading were taken without load, and tell of files; all others of memory. */
export function memoryOf(readings: readonly Reading[]): Memory[] {
  const loaded = readings.slice(1, -1);
  const quarter = Math.max(1, Math.floor(loaded.length / 4));
  const [before, after] = [loaded.slice(quarter, 2 * quarter), loaded.slice(-quarter)];
  return Object.keys(readings[0]!.members).map((member) => {
    const of = (some: readonly Reading[], field: 'heldMiB' | 'rssMiB') =>
      median(some.map((r) => r.members[member]![field]));
    return {
      member,
      held: [of(before, 'heldMiB'), of(after, 'heldMiB')],
      rss: [of(before, 'rssMiB'), of(after, 'rssMiB')],
      files: [readings[0]!.members[member]!.files, readings.at(-1)!.members[member]!.files],
    };
  });
}

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/** The result for readers. */
export function markdown(result: Result): string {
  const { machine, seconds, everySeconds, calls, slowestMs, problems } = result;
  const where = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const verdict = problems.length === 0 ? 'Everything agrees.' : problems.map((problem) => `- ${problem}`).join('\n');
  return `# The soak

${where.join('; ')}. ${seconds} seconds of load, a fault every ${everySeconds}. [How it is done, and what is compared](../soak/README.md).

${verdict}

## Calls

${calls} calls, each with one end; the slowest took ${(slowestMs / 1_000).toFixed(1)} s. ${whereaboutsOf(result)}

${endsTable(result)}

What callers were told when a call failed or broke off:

${table(
  ['calls', 'text'],
  Object.entries(result.failures).map(([text, count]) => [count, text.replaceAll('|', '\\|')]),
)}

## Workers

What the records of clients and workers come to / what the worker's metrics said last. A range stands where clients were killed or had given up before the end of a request: what
it was counted as then depends on the moment. The rows that are no range agree to the request.

${accountsTable(result)}

## Faults

${faultsTable(result)}

## Memory

Of the worker and the client that no fault was done to, after a collection of garbage: medians of the second and of the last quarter, under load. Files are those open before
and after the load.

${memoryTable(result)}
`;
}

/** Where the calls have gone: no worker's number is left out. */
function whereaboutsOf({ calls, accounts }: Result): string {
  const sum = (of: (account: Account) => number) => accounts.reduce((total, account) => total + of(account), 0);
  const counted = sum(({ compared }) => compared.requests_total?.metric ?? 0);
  const lost = sum(({ handled, compared }) => (compared.requests_total ? 0 : handled));
  return `${counted} of them are in \`requests_total\` of the workers that were not killed, ${lost} in the records of those that were, and
${calls - counted - lost} came to none of them, which their callers were told unless they were killed.`;
}

function endsTable({ ends }: Result): string {
  const hows = [...new Set(Object.values(ends).flatMap((row) => Object.keys(row)))].sort();
  return table(
    ['kind', ...hows],
    Object.entries(ends).map(([kind, counts]) => [kind, ...hows.map((how) => counts[how] ?? 0)]),
  );
}

function accountsTable({ accounts }: Result): string {
  const known = accounts.filter(({ compared }) => Object.keys(compared).length > 0);
  const names = Object.keys(known[0]?.compared ?? {}).filter((name) => name !== 'requests_total');
  const range = ([least, most]: Expected) => (least === most ? String(least) : `${least} to ${most}`);
  const all = (title: string, of: (account: Account) => string | number) => [title, ...accounts.map(of)];
  return table(
    ['', ...accounts.map(({ worker }) => worker)],
    [
      all('fate', ({ fate }) => fate),
      all('requests at its handler', ({ handled }) => handled),
      all('before that: their client had given up', (account) =>
        account.compared.requests_total ? earlyIn(account) : '-',
      ),
      all('requests_total', ({ compared }) => compared.requests_total?.metric ?? '-'),
      ...names.map((name) =>
        all(name, ({ compared: { [name]: at } }) => (at ? `${range(at.expected)} / ${at.metric}` : '-')),
      ),
    ],
  );
}

function faultsTable({ faults }: Result): string {
  const names = [...new Set(faults.map(({ name }) => name))];
  return table(
    ['fault', 'times', 'well again after, s'],
    names.map((name) => {
      const done = faults.filter((fault) => fault.name === name);
      return [
        name,
        done.length,
        done.map((f) => (f.well ? ((f.well - f.began) / 1_000).toFixed(1) : 'never')).join(', '),
      ];
    }),
  );
}

function memoryTable({ memory }: Result): string {
  const pair = ([before, after]: readonly [number, number], digits = 1) =>
    `${before.toFixed(digits)} → ${after.toFixed(digits)}`;
  return table(
    ['member', 'heap and buffers, MiB', 'resident, MiB', 'files'],
    memory.map(({ member, held, rss, files }) => [member, pair(held), pair(rss), pair(files, 0)]),
  );
}
