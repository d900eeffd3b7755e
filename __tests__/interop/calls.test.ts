import { DIRECTIONS, MIXED } from './cluster';
import { clusterForAll, describeEach, numbers } from './matrix';
import { isFrom, type Peer } from './peer';

describeEach('calls', [...DIRECTIONS, ...MIXED], (direction, version) => {
  const cluster = clusterForAll(version, direction);
  let client: Peer;
  let worker: { peer: Peer; instance: string };

  beforeAll(async () => {
    [worker, client] = await Promise.all([cluster.worker(), cluster.client()]);
    expect(await client.instances(1)).toEqual([worker.instance]);
  });

  test.each(['random', 'roundRobin', 'direct'] as const)('%s, 1 item', async (mode) => {
    const instance = mode === 'direct' ? { instance: worker.instance } : {};
    const answer = await client.call({ mode, request: { do: 'count', n: 1 }, ...instance });
    expect(answer).toMatchObject({ items: [0], error: null });
  });

  test('10,000 items in their order', async () => {
    const answer = await client.call({ mode: 'random', request: { do: 'count', n: 10_000 } });
    expect(answer).toMatchObject({ items: numbers(10_000), error: null });
  });

  test('no item', async () => {
    expect(await client.call({ mode: 'random', request: { do: 'count', n: 0 } })).toMatchObject({
      items: [],
      error: null,
    });
  });

  test('200 requests at once', async () => {
    const call = { mode: 'random', request: { do: 'count', n: 50 } } as const;
    const answers = await Promise.all(numbers(200).map(() => client.call(call)));
    for (const answer of answers) expect(answer).toMatchObject({ items: numbers(50), error: null });
  });

  test.each([
    ['text of every kind', 'a"\\\u0000\n é 漢 😀'],
    ['numbers', [0, -1, 1.5, 1e21, 9007199254740991]],
    ['nesting', { a: [{ b: null, c: [true, false, {}] }], '': [] }],
    ['3 MiB', 'é'.repeat(1.5 * 2 ** 20)],
  ])('%s there and back', async (_, value) => {
    const answer = await client.call({ mode: 'random', request: { do: 'echo', value } });
    expect(answer).toMatchObject({ items: [value], error: null });
  });

  test('the request has one id on both sides', async () => {
    const answer = await client.call({ mode: 'random', request: { do: 'id' } });
    expect(answer.items).toEqual([answer.id]);
    await worker.peer.event({ event: 'request', id: answer.id });
  });

  // Metadata came with 1.3.
  (isFrom('1.3', version) ? test : test.skip)('metadata', async () => {
    const metadata = { tenant: 'a b', 'x-trace': '😀' };
    expect(await client.call({ mode: 'random', request: { do: 'metadata' }, metadata })).toMatchObject({
      items: [metadata],
    });
  });

  test('an error before the first item', async () => {
    const answer = await client.call({ mode: 'random', request: { do: 'fail' } });
    expect(answer).toMatchObject({ items: [], error: expect.stringContaining('no such thing') });
  });

  test('an error midway', async () => {
    const answer = await client.call({ mode: 'random', request: { do: 'failMidway', after: 3 } });
    expect(answer).toMatchObject({ items: [0, 1, 2], error: expect.stringContaining('lost my way') });
  });

  test('the client asks the worker to stop', async () => {
    const seen = worker.peer.events.length;
    const answer = await client.call({ mode: 'random', request: { do: 'endless' }, cancel: 'stop', after: 5 });
    expect(answer.error).toBeNull();
    expect(answer.items.slice(0, 5)).toEqual(numbers(5));
    const ended = await worker.peer.event({ event: 'ended', stopped: true, killed: false });
    expect(worker.peer.events.indexOf(ended)).toBeGreaterThanOrEqual(seen);
  });

  test('the client leaves the stream', async () => {
    const answer = await client.call({ mode: 'random', request: { do: 'endless' }, cancel: 'leave', after: 5 });
    expect(answer).toMatchObject({ items: numbers(5), error: null });
    await worker.peer.event({ event: 'ended', killed: true });
  });

  test('and it still answers after all that', async () => {
    const answer = await client.call({ mode: 'direct', request: { do: 'who' }, instance: worker.instance });
    expect(answer).toMatchObject({ items: [worker.instance], error: null });
  });
});
