import { eventually } from '../support/eventually';
import { Cluster, type Worker } from './cluster';
import { type Call, isFrom, type Peer, versions } from './peer';
import { type Scrape, scrape, series, valueOf } from './scrape';

type Task = Omit<Call, 'mode'>;

/** Calls that both workers answer with the same bytes. */
const PLAIN: Task[] = [
  ...Array<Task>(5).fill({ request: { do: 'count', n: 3 } }),
  { request: { do: 'count', n: 0 } },
  { request: { do: 'count', n: 1_000 } },
  { request: { do: 'echo', value: { a: ['é', 1.5, null] } } },
];
const FAILING: Task[] = [{ request: { do: 'fail' } }, { request: { do: 'failMidway', after: 2 } }];
const CANCELLED: Task[] = [
  { request: { do: 'endless' }, cancel: 'stop', after: 3 },
  { request: { do: 'endless' }, cancel: 'leave', after: 3 },
];

/** The families that both have, and the samples of each that are not its own time. */
const COUNTS = [
  'requests_total',
  'request_bytes_total',
  'response_bytes_total',
  'inflight_requests',
  'request_duration_seconds_count',
  'cancellation_total',
];

/** A Rust worker may take the end of a whole response for a cancellation: the requester's FIN races its own last step. */
const RACED = { cancellation_total: 0 };

/** `cancellation_total` and the label `worker_id` came with 1.1. */
const comparable = versions.filter((version) => isFrom('1.1', version));
const describeVersions =
  comparable.length > 0 ? describe.each(comparable) : describe.skip.each(['(no Python environment)']);

/** Both workers in one cluster and one client of ours, whose requests are the same bytes for both. */
describeVersions('ai-dynamo-runtime %s', (version) => {
  describe('metrics side by side', () => {
    const cluster = new Cluster(version, { client: 'ts', worker: 'python', plane: 'tcp', discovery: 'file' });
    let client: Peer;
    let theirs: Worker;
    let ours: Worker;
    afterAll(() => cluster.dispose());

    beforeAll(async () => {
      const env = { DYN_SYSTEM_PORT: '0', DYN_METRICS_NAMING: 'dynamo', DYN_LOG: 'info' };
      [theirs, ours, client] = await Promise.all([
        cluster.worker(env, 'python'),
        cluster.worker(env, 'ts'),
        cluster.client(),
      ]);
      await client.instances(2);
    });

    const both = async () => ({ ours: await scrape(ours), theirs: await scrape(theirs) });
    const counts = (read: Scrape) => Object.fromEntries(COUNTS.map((name) => [name, valueOf(read, name)]));

    /** Sends the same to both; what either of them counted for it, once nothing is under way any more. */
    async function traffic(tasks: Task[]) {
      const before = await both();
      for (const task of tasks) {
        for (const { instance } of [ours, theirs]) await client.call({ mode: 'direct', instance, ...task });
      }
      await eventually('both are idle', async () => {
        const now = await both();
        return [now.ours, now.theirs].every((read) => valueOf(read, 'inflight_requests') === 0);
      });
      const after = await both();
      const added = (side: 'ours' | 'theirs') =>
        Object.fromEntries(COUNTS.map((name) => [name, counts(after[side])[name]! - counts(before[side])[name]!]));
      return { ours: added('ours'), theirs: added('theirs') };
    }

    test('the same families with the same help, type and buckets', async () => {
      const { ours: read, theirs: real } = await both();
      // `errors_total` has no sample there before the first error, and therefore no family.
      const families = read.families.filter((line) => !line.includes('errors_total'));
      expect(families.sort()).toEqual([...real.families].sort());
      const bounds = (of: Scrape) => series(of, 'request_duration_seconds_bucket').map(({ le }) => le);
      expect(bounds(read)).toEqual(bounds(real));
    });

    test('the same labels with the same values', async () => {
      const { ours: read, theirs: real } = await both();
      for (const name of COUNTS) expect([name, series(read, name)]).toEqual([name, series(real, name)]);
    });

    test('the same label on the uptime', async () => {
      const { ours: read, theirs: real } = await both();
      expect(series(read, 'uptime_seconds')).toEqual(series(real, 'uptime_seconds'));
    });

    test('plain calls: the same counts and bytes', async () => {
      const { ours: read, theirs: real } = await traffic(PLAIN);
      expect(read).toEqual({ ...real, ...RACED });
      expect(read).toMatchObject({ requests_total: PLAIN.length, request_duration_seconds_count: PLAIN.length });
    });

    test('failing calls: the same counts, but for the text of the error items', async () => {
      const { ours: read, theirs: real } = await traffic(FAILING);
      expect({ ...read, response_bytes_total: 0 }).toEqual({ ...real, ...RACED, response_bytes_total: 0 });
    });

    test('failing calls are errors with us only', async () => {
      const { ours: read, theirs: real } = await both();
      expect(valueOf(read, 'errors_total', { error_type: 'generate' })).toBe(FAILING.length);
      expect(series(real, 'errors_total')).toEqual([]);
    });

    test('cancelled calls: the same counts, but for final markers that were never sent', async () => {
      const { ours: read, theirs: real } = await traffic(CANCELLED);
      expect({ ...read, response_bytes_total: 0 }).toEqual({ ...real, response_bytes_total: 0 });
      expect(read.cancellation_total).toBe(CANCELLED.length);
    });

    test('cancelled calls are errors with them only', async () => {
      const { ours: read, theirs: real } = await both();
      expect(valueOf(read, 'errors_total', { error_type: 'publish_final' })).toBe(0);
      expect(valueOf(real, 'errors_total', { error_type: 'publish_final' })).toBeGreaterThan(0);
    });
  });
});
