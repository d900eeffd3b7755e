import type { Instance, InstanceChange } from '../../lib/discovery/discovery';
import { picks, randomInstanceId } from '../../lib/discovery/instance';
import { MemoryDiscovery } from '../../lib/discovery/memory';

const instance = (instanceId: bigint, endpoint = 'e'): Instance => ({
  namespace: 'n',
  component: 'c',
  endpoint,
  instanceId,
  transport: { kind: 'memory', address: `memory:${instanceId}` },
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('discovery in memory', () => {
  let worker: MemoryDiscovery;
  let requester: MemoryDiscovery;
  let changes: string[];
  const note = ({ type, instance: { instanceId } }: InstanceChange) => void changes.push(`${type} ${instanceId}`);

  beforeEach(() => {
    worker = new MemoryDiscovery();
    requester = new MemoryDiscovery();
    changes = [];
  });
  afterEach(() => Promise.all([worker.close(), requester.close()]));

  it('shows one what the other registered, before and after, digits and all', async () => {
    await worker.register(instance(2n ** 64n - 1n));
    const watch = await requester.watch({ namespace: 'n', component: 'c', endpoint: 'e' }, note);
    expect(watch.snapshot).toEqual([instance(18446744073709551615n)]);
    const registering = worker.register(instance(18446744073709551614n));
    expect(changes).toEqual([]);
    const second = await registering;
    await turn();
    await second.unregister();
    await second.unregister();
    await turn();
    expect(changes).toEqual(['put 18446744073709551614', 'delete 18446744073709551614']);
  });

  it('picks by whole names', () => {
    const generate = instance(1n, 'generate');
    expect(picks({ namespace: 'n' }, generate)).toBe(true);
    expect(picks({ namespace: 'n', component: 'c', endpoint: 'generate' }, generate)).toBe(true);
    expect(picks({ namespace: 'n', component: 'c', endpoint: 'gen' }, generate)).toBe(false);
    expect(picks({ namespace: 'n', component: 'other' }, generate)).toBe(false);
    expect(picks({ namespace: 'm' }, generate)).toBe(false);
  });

  it('tells a watch that was closed nothing more, not even what was on its way', async () => {
    const watch = await requester.watch({ namespace: 'n' }, note);
    const registering = worker.register(instance(1n));
    watch.close();
    await registering;
    await turn();
    expect(changes).toEqual([]);
  });

  it('takes an instance once', async () => {
    await worker.register(instance(1n));
    await expect(requester.register(instance(1n))).rejects.toMatchObject({ code: 'PROFILED_TARGET_INVALID' });
    await requester.register(instance(1n, 'other'));
  });

  it('takes everything back when it closes, and nothing after that', async () => {
    await worker.register(instance(1n));
    await requester.watch({ namespace: 'n' }, note);
    await worker.close();
    await turn();
    expect(changes).toEqual(['delete 1']);
    await expect(worker.register(instance(2n))).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(worker.watch({ namespace: 'n' }, note)).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
  });

  it('has one id for the process, a u64 that is not 0', async () => {
    expect(await worker.instanceId()).toBe(await worker.instanceId());
    expect(await worker.instanceId()).not.toBe(await requester.instanceId());
    for (let i = 0; i < 100; i++) {
      const id = randomInstanceId();
      expect(id > 0n && id < 2n ** 64n).toBe(true);
    }
  });
});
