import type { Discovery } from '../../lib/discovery/discovery';
import { eventually } from '../support/eventually';
import { FILTER, Following, instance } from './file-support';

const BIG = 2n ** 64n - 1n;

/** What every backend does. `open` makes one more that sees what the others register, and closes it after the test. */
export function discoverySuite(open: () => Discovery): void {
  it('shows one what the other registered, before and after, digits and all', async () => {
    const worker = open();
    await worker.register(instance(BIG));
    const following = await Following.start(open());
    expect(following.watch.snapshot).toEqual([instance(BIG)]);
    const registering = worker.register(instance(BIG - 1n));
    expect(following.changes).toEqual([]);
    const second = await registering;
    await eventually('the second', () => following.known.has(BIG - 1n));
    expect(following.known.get(BIG - 1n)).toEqual(instance(BIG - 1n));
    await Promise.all([second.unregister(), second.unregister()]);
    await eventually('its end', () => !following.known.has(BIG - 1n));
    expect(following.changes).toEqual([`put ${BIG - 1n}`, `delete ${BIG - 1n}`]);
  });

  it('picks by whole names', async () => {
    const worker = open();
    await worker.register(instance(1n, { endpoint: 'gen' }));
    await worker.register(instance(2n, { endpoint: 'gen.10' }));
    await worker.register(instance(3n, { component: 'my_comp2' }));
    await worker.register(instance(4n, { namespace: 'my-ns2' }));
    await worker.register(instance(5n));
    const ids = async (filter: { namespace: string; component?: string; endpoint?: string }) => {
      const { snapshot, close } = await open().watch(filter, () => {});
      close();
      return snapshot.map(({ instanceId }) => Number(instanceId)).sort();
    };
    expect(await ids(FILTER as never)).toEqual([5]);
    expect(await ids({ namespace: 'my-ns', component: 'my_comp' })).toEqual([1, 2, 5]);
    expect(await ids({ namespace: 'my-ns' })).toEqual([1, 2, 3, 5]);
    expect(await ids({ namespace: 'my-ns', endpoint: 'gen.1' })).toEqual([3, 5]);
  });

  it('gives one instance to one of many who want it at once', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => open().register(instance(7n))));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'PROFILED_TARGET_INVALID' });
    }
    await open().register(instance(7n, { endpoint: 'other' }));
  });

  it('gives it again once it is free, and the first registration does not touch the second', async () => {
    const worker = open();
    const first = await worker.register(instance(7n));
    await expect(worker.register(instance(7n))).rejects.toMatchObject({ code: 'PROFILED_TARGET_INVALID' });
    await first.unregister();
    await worker.register(instance(7n));
    await first.unregister();
    const { snapshot } = await open().watch(FILTER, () => {});
    expect(snapshot).toEqual([instance(7n)]);
  });

  it('tells a watch that was closed nothing more, and others still', async () => {
    const discovery = open();
    const [closed, other] = [await Following.start(discovery), await Following.start(discovery)];
    closed.watch.close();
    closed.watch.close();
    await open().register(instance(1n));
    await eventually('the instance', () => other.known.has(1n));
    expect(closed.changes).toEqual([]);
  });

  it('takes everything back when it closes, and nothing after that', async () => {
    const worker = open();
    await worker.register(instance(1n));
    const following = await Following.start(open());
    await Promise.all([worker.close(), worker.close()]);
    await eventually('its end', () => following.known.size === 0);
    expect(following.changes).toEqual(['delete 1']);
    await expect(worker.register(instance(2n))).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(worker.watch(FILTER, () => {})).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
  });

  it('has one id for the process, a u64 that is not 0', async () => {
    const [one, other] = [open(), open()];
    const id = await one.instanceId();
    expect(await one.instanceId()).toBe(id);
    expect(await other.instanceId()).not.toBe(id);
    expect(id > 0n && id < 2n ** 64n).toBe(true);
  });
}
