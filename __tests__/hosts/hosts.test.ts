import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually';
import { describeHosts, Hosts } from './hosts';
import { Peer, type Progress, type Task, type WorkerReport } from './peer';

const LEASE_S = 5;
/** What some callers allow a call. */
const LIMIT_MS = 2_000;
/** How long whatever has a limit may take beyond it on a busy machine. */
const GRACE_MS = 10_000;
/** A connection that says nothing is asked after 30 seconds, ten times in a second each. */
const KEEP_ALIVE_MS = 40_000;
const CUT = 'Stream ended before generation completed';

/** Waits without asking all the time. */
const slowly = (what: string, condition: () => Promise<boolean>) =>
  eventually(
    what,
    async () => {
      await delay(100);
      return condition();
    },
    KEEP_ALIVE_MS + GRACE_MS,
  );

describeHosts('two workers, a client and the brokers, each on a host of its own', () => {
  let hosts: Hosts;
  let workers: { readonly a: Peer; readonly b: Peer };
  let client: Peer;
  /** All calls, with what became of their beginning. */
  let calls: Progress[];
  /** How whole calls ended that did not end well. */
  let lateErrors: string[];

  beforeEach(async () => {
    calls = [];
    lateErrors = [];
    hosts = new Hosts(['hub', 'a', 'b', 'client']);
    const env = {
      ...(await hosts.startBrokers('hub')),
      ETCD_LEASE_TTL: String(LEASE_S),
      DYN_NATS_REQUEST_TIMEOUT_SECS: '5',
      DYN_SYSTEM_PORT: '0',
      DYN_SYSTEM_HOST: '127.0.0.1',
      DYN_LOG: 'warn',
    };
    const [a, b, caller] = await Promise.all([
      Peer.start(hosts, 'a', 'worker', env),
      Peer.start(hosts, 'b', 'worker', env),
      Peer.start(hosts, 'client', 'client', env),
    ]);
    workers = { a, b };
    client = caller;
    await slowly('both are found', async () => (await client.ask({ op: 'instances' })).length === 2);
  }, 60_000);
  afterEach(() => hosts[Symbol.asyncDispose]());

  const report = (name: 'a' | 'b') => workers[name].ask({ op: 'report' });
  const reports = () => Promise.all([report('a'), report('b')]);
  const begin = async (task: Task, worker?: 'a' | 'b') => {
    const instance = worker && { instance: (await report(worker)).instance };
    const begun = await client.ask({ op: 'begin', task, ...instance });
    calls.push(begun);
    return begun;
  };
  const finish = ({ id }: Progress) => client.ask({ op: 'finish', id });
  const finishInTime = async ({ id }: Progress) => {
    const { error, ms } = await client.ask({ op: 'finish', id, limitMs: LIMIT_MS });
    expect(error).toContain('PROFILED_CANCELLED');
    expect(ms).toBeLessThan(LIMIT_MS + GRACE_MS);
  };
  /** A whole call; the name of who answered, if somebody did. */
  const call = async () => {
    const begun = await begin('who');
    if (begun.worker === undefined) return undefined;
    const { error } = await finish(begun);
    if (error !== undefined) lateErrors.push(error);
    return error === undefined ? begun.worker : undefined;
  };
  const untilIdle = (name: 'a' | 'b') =>
    slowly(`nothing is under way on ${name}`, async () => valueOf(await report(name), 'concurrent_requests') === 0);

  /** Every request is in the counters of one worker, once; all that a client has seen begin, and nothing that it did not send. */
  async function expectAgreement(): Promise<void> {
    await Promise.all([untilIdle('a'), untilIdle('b')]);
    const both = await reports();
    const seen = both.flatMap((each) => each.seen);
    const accepted = calls.filter(({ worker }) => worker);
    expect(seen).toHaveLength(new Set(seen).size);
    expect(missingFrom(seen, accepted.map(idOf))).toEqual([]);
    expect(missingFrom(calls.map(idOf), seen)).toEqual([]);
    for (const each of both) {
      // What came when its caller had left did not reach the handler: there was nobody to dial.
      const late = valueOf(each, 'errors_total', 'response_stream');
      expect(valueOf(each, 'requests_total')).toBe(each.seen.length + late);
      expect(valueOf(each, 'request_duration_seconds_count')).toBe(each.seen.length + late);
    }
    const counted = both.reduce((sum, each) => sum + valueOf(each, 'requests_total'), 0);
    // A call that failed while its worker was cut off may have arrived, or not.
    expect(counted).toBeGreaterThanOrEqual(accepted.length);
    expect(counted).toBeLessThanOrEqual(calls.length);
  }

  it('a worker that is cut off is replaced by the other one, and comes back by itself', async () => {
    let isOver = false;
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        for (; !isOver; await delay(20)) await call();
      }),
    );
    load.catch(() => {}); // it is awaited below, unless the test fails before
    const [limited, ...unlimited] = await Promise.all([begin('hold', 'a'), begin('hold', 'a'), begin('flow', 'a')]);
    for (const { worker } of [limited, ...unlimited]) expect(worker).toBe('a');
    await slowly('both are called', async () => (await reports()).every(({ seen }) => seen.length > 20));

    hosts.cut('a');
    const cut = performance.now();
    const ends = unlimited.map(finish);
    await finishInTime(limited);
    const { instance } = await report('b');
    await slowly('only b is known', async () => (await client.ask({ op: 'instances' })).join() === instance);
    expect(performance.now() - cut).toBeLessThan(LEASE_S * 1_000 + GRACE_MS);
    await slowly('the health of a tells it', async () => (await report('a')).health === 503);
    for (let i = 0; i < 10; i++) expect(await call()).toBe('b');
    for (const { error, ms } of await Promise.all(ends)) {
      expect(error).toBe(CUT);
      expect(ms).toBeLessThan(KEEP_ALIVE_MS + GRACE_MS);
    }
    await untilIdle('a');
    expect((await report('a')).health).toBe(503);
    expect((await report('b')).health).toBe(200);

    hosts.join('a');
    await slowly('a is well', async () => (await report('a')).health === 200);
    await slowly('a is found', async () => (await client.ask({ op: 'instances' })).length === 2);
    await slowly('a is called', async () => (await call()) === 'a');
    isOver = true;
    await load;
    for (const error of lateErrors) expect(error).toBe(CUT);
    for (const { error, ms } of calls) {
      if (error !== undefined) expect(error).toMatch(/PROFILED_(TIMEOUT|DISCONNECTED)|Stream ended/);
      expect(ms).toBeLessThan(KEEP_ALIVE_MS + GRACE_MS);
    }
    await expectAgreement();
  }, 180_000);

  it('a client that is cut off leaves nothing under way, and can call again', async () => {
    const streams = await Promise.all((['a', 'b', 'a', 'b'] as const).map((worker) => begin('flow', worker)));
    expect(streams.map(({ worker }) => worker)).toEqual(['a', 'b', 'a', 'b']);
    for (const each of await reports()) expect(valueOf(each, 'concurrent_requests')).toBe(2);

    hosts.cut('client');
    await Promise.all(streams.map(finishInTime));
    await Promise.all([untilIdle('a'), untilIdle('b')]);
    for (const each of await reports()) {
      expect(each.health).toBe(200);
      expect(valueOf(each, 'cancellation_total')).toBe(2);
    }

    hosts.join('client');
    await slowly('calls are answered', async () => (await call()) !== undefined);
    await expectAgreement();
  }, 180_000);
});

const idOf = ({ id }: Progress) => id;

function missingFrom(all: readonly string[], wanted: readonly string[]): string[] {
  const known = new Set(all);
  return wanted.filter((id) => !known.has(id));
}

/** The value of one sample of a scrape. */
function valueOf({ metrics }: WorkerReport, name: string, errorType?: string): number {
  const line = new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm');
  for (const [, labels, value] of metrics.matchAll(line)) {
    if (errorType === undefined || labels!.includes(`error_type="${errorType}"`)) return Number(value);
  }
  throw new Error(`no ${name} ${errorType ?? ''} in\n${metrics}`);
}
