import { type Account, accountOf, disagreements, earlyIn } from './account';
import type { Done } from './faults';
import type { Member } from './member';
import type { CallEnd, HandlerEnd, Kind, Line } from './tasks';

/** No call may take longer, in milliseconds: three time limits of 3 s, and the longest stream on a busy machine. */
export const LIMIT_MS = 25_000;
/** How long clients may take to hear that the cluster is well, in milliseconds. */
const SETTLING_MS = 1_000;

/** What the record of its client has of one call. */
interface Call {
  readonly client: Member;
  readonly kind: Kind;
  readonly began: number;
  end?: Extract<Line, { at: 'end' }>;
}

/** What the record of its worker has of one request, and its call. */
export interface Run {
  readonly worker: Member;
  readonly isRefused: boolean;
  readonly call: Call | undefined;
  over?: { readonly how: HandlerEnd; readonly items: number };
  isSettled: boolean;
}

/** How each kind has to end when nothing is wrong with the cluster. */
const ASKED: Readonly<Record<Kind, CallEnd>> = {
  short: 'whole',
  medium: 'whole',
  long: 'whole',
  throws: 'remote error',
  fails: 'handler error',
  invalid: 'remote error',
  stop: 'broken off',
  leave: 'broken off',
  abort: 'broken off',
};
const ANSWERED: readonly CallEnd[] = ['whole', 'remote error', 'handler error', 'broken off'];

/** All records of the run, call by call. */
export class Ledger {
  readonly problems: string[] = [];
  readonly accounts: readonly Account[];
  readonly #calls = new Map<string, Call>();
  readonly #runs = new Map<string, Run>();

  constructor(members: readonly Member[], faults: readonly Done[]) {
    const of = (kind: Member['kind']) => members.filter((member) => member.kind === kind);
    for (const client of of('client')) for (const line of client.lines()) this.#enterCall(client, line);
    for (const worker of of('worker')) for (const line of worker.lines()) this.#enterRun(worker, line);
    for (const [id, call] of this.#calls) this.#checkCall(id, call, faults);
    for (const [id, run] of this.#runs) this.#checkRun(id, run);
    const runs = [...this.#runs.values()];
    this.accounts = of('worker').map((worker) =>
      accountOf(
        worker,
        runs.filter((run) => run.worker === worker),
      ),
    );
    this.problems.push(...this.accounts.flatMap(disagreements));
    this.#checkUnheard();
  }

  get calls(): number {
    return this.#calls.size;
  }

  get slowestMs(): number {
    return [...this.#calls.values()].reduce((most, { began, end }) => Math.max(most, (end?.ms ?? began) - began), 0);
  }

  /** How many calls ended in which way, by kind. */
  ends(): Record<string, Record<string, number>> {
    const table: Record<string, Record<string, number>> = {};
    for (const { kind, end } of this.#calls.values()) {
      const row = (table[kind] ??= {});
      const how = end?.how ?? 'client killed';
      row[how] = (row[how] ?? 0) + 1;
    }
    return table;
  }

  /** What callers were told when a call failed or broke, without ids. */
  failures(): Record<string, number> {
    const texts: Record<string, number> = {};
    for (const { end } of this.#calls.values()) {
      if (end?.how !== 'failed' && end?.how !== 'broken') continue;
      const text = `${end.how}: ${end.detail.replace(/\bnamespace_\S+|\b[0-9a-f]{12,}\b/g, '...').replace(/127\.0\.0\.1:\d+/g, '...')}`;
      texts[text] = (texts[text] ?? 0) + 1;
    }
    return texts;
  }

  #enterCall(client: Member, line: Line): void {
    if (line.at === 'call') return void this.#calls.set(line.id, { client, kind: line.kind, began: line.ms });
    if (line.at !== 'end') return;
    const call = this.#calls.get(line.id)!;
    if (call.end) this.problems.push(`call ${line.id} has ended twice`);
    call.end = line;
  }

  #enterRun(worker: Member, line: Line): void {
    const run = this.#runs.get(line.id);
    if (line.at === 'begin' || line.at === 'refused') {
      if (run) this.problems.push(`request ${line.id} has come to a handler twice`);
      const call = this.#calls.get(line.id);
      this.#runs.set(line.id, { worker, isRefused: line.at === 'refused', call, isSettled: false });
    } else if (line.at === 'over') run!.over = line;
    else {
      if (run!.isSettled) this.problems.push(`request ${line.id} was settled twice`);
      run!.isSettled = true;
    }
  }

  #checkCall(id: string, { client, kind, began, end }: Call, faults: readonly Done[]): void {
    const complain = (what: string) => this.problems.push(`call ${id} (${kind}) ${what}`);
    if (!end) return void (client.fate === 'killed' || complain('has no end'));
    if (end.ms - began > LIMIT_MS) complain(`has taken ${end.ms - began} ms`);
    if (end.how === 'wrong') complain(`was answered wrongly: ${end.detail}`);
    const isHurt = faults.some((f) => end.ms >= f.began && began <= (f.well ?? Infinity) + SETTLING_MS);
    if (end.how !== ASKED[kind] && !isHurt) complain(`was ${end.how} while nothing was wrong: ${end.detail}`);
    const run = this.#runs.get(id);
    if (ANSWERED.includes(end.how) && !run) complain(`was ${end.how}, and no handler knows of it`);
    if (end.how === 'whole' && (run?.over?.how !== 'whole' || run.over.items !== end.items))
      complain(`was whole with ${end.items} items, and ${JSON.stringify(run?.over)} for its handler`);
  }

  /** Of a worker that was killed the last lines may be missing. */
  #checkRun(id: string, { worker, call, over, isRefused, isSettled }: Run): void {
    const complain = (what: string) => this.problems.push(`request ${id} of ${worker.name} ${what}`);
    if (!call) complain('is no call of any client');
    if (worker.fate === 'killed' || isRefused) return;
    if (!over) complain('is not over for its handler');
    if (!isSettled) complain('was never settled');
  }

  /** Requests that came to no handler were calls of somebody, who got no answer. */
  #checkUnheard(): void {
    const counted = this.accounts.reduce((sum, account) => sum + earlyIn(account), 0);
    const called = [...this.#calls.keys()].filter((id) => !this.#runs.has(id)).length;
    if (counted > called) this.problems.push(`${counted} requests came to no handler, and only ${called} calls`);
  }
}
