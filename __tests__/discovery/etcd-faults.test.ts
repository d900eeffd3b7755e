import { log } from '../../lib/internal/logger';
import { describeEtcd } from '../support/etcd-server';
import { eventually } from '../support/eventually';
import { TcpProxy } from '../support/tcp-proxy';
import { Etcd, key, TTL_MS } from './etcd-support';
import { Following, instance, listenToLog } from './file-support';

/** Waits for so much of the monotonic clock to pass: for what must not happen meanwhile. */
const pass = (ms: number) => {
  const until = performance.now() + ms;
  return eventually(`${ms} ms`, () => performance.now() > until);
};

describeEtcd('when etcd fails', () => {
  let etcd: Etcd;
  let proxy: TcpProxy;
  let lines: ReturnType<typeof listenToLog>;
  /** What the worker was told of its registration. */
  let told: boolean[];
  const messages = () => lines.map(({ message }) => message).join('\n');
  const stored = async () => (await etcd.server.keys()).map((stored) => stored.key);

  beforeEach(async () => {
    etcd = await Etcd.start();
    proxy = await TcpProxy.to(etcd.server.port);
    lines = listenToLog();
    told = [];
  });
  afterEach(async () => {
    log.use('off', () => {});
    await etcd.dispose();
    await proxy.close();
  });

  const register = (id: bigint, endpoints = etcd.server.url) =>
    etcd.open({ endpoints }).register(instance(id), (isKnown) => told.push(isKnown));

  it('a kill and a restart with its data cost nothing, and both sides go on by themselves', async () => {
    await register(1n);
    const following = await Following.start(etcd.open());
    await etcd.server.kill();
    await eventually('the worker has lost its lease', () => told.at(-1) === false);
    expect(following.ids).toEqual([1n]);
    await etcd.server.launch();
    await eventually('it is known again', () => told.at(-1) === true);
    expect(told).toEqual([false, true]);
    await etcd.open().register(instance(2n));
    await eventually('what comes after that is seen', () => following.known.has(2n));
    expect(following.changes.filter((change) => change !== 'put 2')).toEqual([]);
    expect(messages()).toContain('can not follow the instances of others; those that are known stay');
  });

  it('a restart without its data makes workers register again, byte by byte, and nobody forgets them meanwhile', async () => {
    await register(1n);
    await register(2n);
    const doomed = etcd.open();
    await doomed.register(instance(3n));
    const before = await etcd.server.keys();
    const following = await Following.start(etcd.open());
    await etcd.server.kill();
    const closing = doomed.close();
    await eventually('they have lost their leases', () => told.filter((isKnown) => !isKnown).length === 2);
    await etcd.server.launch({ empty: true });
    await eventually('they are back', () => told.length === 4);
    await closing;
    expect(await etcd.server.keys()).toEqual(before.slice(0, 2));
    await eventually('who is gone is forgotten', () => following.known.size === 2);
    expect(following.changes).toEqual(['delete 3']);
    expect(messages()).toContain('etcd has lost its data');
    expect(messages()).toContain('was taken again');
  });

  it('a compaction while a watch is cut off hides nothing from it', async () => {
    const worker = etcd.open();
    await worker.register(instance(1n));
    const second = await worker.register(instance(2n));
    const following = await Following.start(etcd.open({ endpoints: proxy.url }));
    expect(following.ids).toEqual([1n, 2n]);
    proxy.cut();
    await second.unregister();
    await worker.register(instance(3n));
    await etcd.server.compact();
    await pass(TTL_MS);
    expect(following.changes).toEqual([]);
    proxy.heal();
    await eventually('both changes', () => following.changes.length === 2);
    expect(following.changes.sort()).toEqual(['delete 2', 'put 3']);
    await worker.register(instance(4n));
    await eventually('what comes after that is seen', () => following.known.has(4n));
  });

  it('a compaction under a watch that runs is nothing to it', async () => {
    const worker = etcd.open();
    const following = await Following.start(etcd.open());
    await worker.register(instance(1n));
    await etcd.server.compact();
    await worker.register(instance(2n));
    await eventually('the second', () => following.known.has(2n));
    expect(following.changes).toEqual(['put 1', 'put 2']);
  });

  it('frozen for longer than the lease it forgets nobody for good, and calls do not hang', async () => {
    await register(1n);
    const following = await Following.start(etcd.open());
    etcd.server.freeze();
    await eventually('the worker has lost its lease', () => told.at(-1) === false);
    await expect(etcd.open().register(instance(2n))).rejects.toMatchObject({ code: 'PROFILED_UNAVAILABLE' });
    await pass(TTL_MS * 2);
    expect(following.ids).toEqual([1n]);
    etcd.server.thaw();
    await eventually('it is known again', () => told.at(-1) === true);
    await eventually('to others, too', () => following.known.has(1n));
    expect(await stored()).toContain(key('1'));
  });

  it('a worker that is cut off is dropped when its lease ends and comes back by itself, as the same', async () => {
    await register(1n, proxy.url);
    const [before] = await etcd.server.keys();
    const following = await Following.start(etcd.open());
    const secondsLeft = async () => Number((await etcd.server.api('lease/timetolive', { ID: before!.lease! })).TTL);
    await eventually('a renewal', async () => (await secondsLeft()) === TTL_MS / 1_000 - 1);
    proxy.cut();
    const cutAt = performance.now();
    await eventually('others drop it', () => following.known.size === 0);
    expect(performance.now() - cutAt).toBeGreaterThan(TTL_MS / 2);
    await eventually('it knows', () => told.at(-1) === false);
    proxy.heal();
    await eventually('they see it again', () => following.known.has(1n));
    await eventually('it knows', () => told.at(-1) === true);
    expect(following.changes).toEqual(['delete 1', 'put 1']);
    expect(told).toEqual([false, true]);
    expect(await etcd.server.keys()).toEqual([before]);
    expect(messages()).toContain('the lease of etcd discovery had ended and was taken again');
  });

  it('a key that someone deleted is put again, with a word', async () => {
    await register(1n);
    const following = await Following.start(etcd.open());
    await etcd.server.delete(key('1'));
    await eventually('both changes', () => following.changes.length === 2);
    expect(following.changes).toEqual(['delete 1', 'put 1']);
    await eventually('a word', () => messages().includes('had vanished and was put again'));
  });

  it('an endpoint that stops while etcd is away is deleted when it is back, although the lease lives on', async () => {
    const worker = etcd.open({ endpoints: proxy.url });
    await worker.register(instance(1n));
    const second = await worker.register(instance(2n));
    proxy.cut();
    await second.unregister();
    expect(messages()).toContain('can not be deleted');
    proxy.heal();
    await eventually('only the other is left', async () => (await stored()).join() === key('1'));
    await pass(TTL_MS);
    expect(await stored()).toEqual([key('1')]);
  });

  it('closing does not wait for an etcd that is away', async () => {
    const worker = etcd.open();
    await worker.register(instance(1n));
    await Following.start(worker);
    etcd.server.freeze();
    const began = performance.now();
    await worker.close();
    expect(performance.now() - began).toBeLessThan(6_000);
    etcd.server.thaw();
  });
});
