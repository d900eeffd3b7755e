import { eventually } from '../support/eventually';
import { Cluster, DIRECTIONS } from './cluster';
import { describeEach, numbers } from './matrix';
import type { Peer } from './peer';

/** How long a worker counts that is not heard of: the lease, and Dynamo's own interval between two looks at files. */
const LEASE_MS = 10_000;
const UPSTREAM_LOOKS_MS = 3_334;
/** What may come on top on a busy machine. */
const BUSY_MS = 3_000;
/** How long releases before 1.3 avoid an instance that failed, and some more. */
const AVOIDED_MS = 6_500;

describeEach('workers that come and go', DIRECTIONS, (direction, version) => {
  let cluster: Cluster;
  let client: Peer;
  beforeEach(async () => {
    cluster = new Cluster(version, direction);
    client = await cluster.client();
  });
  afterEach(() => cluster.dispose());

  const whoIs = (mode: 'random' | 'roundRobin') => client.call({ mode, request: { do: 'who' } });

  test('two are called in turn, and both by chance', async () => {
    const workers = await Promise.all([cluster.worker(), cluster.worker()]);
    const ids = workers.map(({ instance }) => instance).sort();
    expect((await client.instances(2)).sort()).toEqual(ids);
    const inTurn: unknown[] = [];
    for (let call = 0; call < 20; call++) inTurn.push(...(await whoIs('roundRobin')).items);
    for (const id of ids) expect(inTurn.filter((who) => who === id)).toHaveLength(10);
    const byChance = await Promise.all(numbers(100).map(() => whoIs('random')));
    for (const id of ids) expect(byChance.filter(({ items }) => items[0] === id).length).toBeGreaterThan(20);
  });

  test('one is killed in the middle of a stream', async () => {
    const { peer } = await cluster.worker();
    await client.instances(1);
    const { n, answer } = client.begin({ mode: 'random', request: { do: 'endless' } });
    await client.event({ event: 'begun', n });
    await peer.kill();
    expect((await answer).error).toContain('Stream ended before generation completed');
  });

  test('one that was killed is gone when its lease is over', async () => {
    const [doomed, other] = await Promise.all([cluster.worker(), cluster.worker()]);
    await client.instances(2);
    await doomed.peer.kill();
    const killed = performance.now();
    expect(await client.instances(1)).toEqual([other.instance]);
    const took = performance.now() - killed;
    // The last touch is as old as the interval between two of them when the kill comes.
    expect(took).toBeGreaterThan(LEASE_MS - UPSTREAM_LOOKS_MS - 500);
    const looks = direction.client === 'python' && direction.discovery === 'file';
    expect(took).toBeLessThan(LEASE_MS + (looks ? UPSTREAM_LOOKS_MS : 0) + BUSY_MS);
    expect(await cluster.records()).toHaveLength(1);
    expect((await whoIs('random')).items).toEqual([other.instance]);
  });

  test('one that stops leaves at once, and a new one takes its place', async () => {
    const first = await cluster.worker();
    await client.instances(1);
    await first.peer.stop();
    await client.instances(0);
    expect(await cluster.records()).toEqual([]);
    expect((await whoIs('random')).error).toEqual(expect.any(String));
    const second = await cluster.worker();
    expect(await client.instances(1)).toEqual([second.instance]);
    expect(await whoIs('random')).toMatchObject({ items: [second.instance], error: null });
  });

  test('one that is told to stop lets its streams end first', async () => {
    const { peer } = await cluster.worker();
    await client.instances(1);
    const { n, answer } = client.begin({ mode: 'random', request: { do: 'endless' }, cancel: 'stop', after: 150 });
    await client.event({ event: 'begun', n });
    const stopped = peer.stop();
    await client.instances(0);
    expect((await answer).error).toBeNull();
    expect((await answer).items.length).toBeGreaterThanOrEqual(150);
    await stopped;
  });

  // A handler of the Python binding has a stream in any case.
  (direction.worker === 'ts' ? test : test.skip)('one refuses a request before there is a stream', async () => {
    const { instance } = await cluster.worker();
    await client.instances(1);
    const answer = await client.call({ mode: 'random', request: { do: 'refuse' } });
    expect(answer).toMatchObject({ items: [], error: expect.stringContaining('not today') });
    // Old clients avoid the instance for five seconds after that, whatever they are told.
    await eventually('it is called again', async () => (await whoIs('random')).items[0] === instance, AVOIDED_MS);
  });
});
