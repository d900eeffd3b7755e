import type { InstanceChange } from '../../lib/discovery/discovery';
import { picks, randomInstanceId } from '../../lib/discovery/instance';
import { MemoryDiscovery } from '../../lib/discovery/memory';
import { instance } from './file-support';
import { discoverySuite } from './suite';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('discovery in memory', () => {
  const opened: MemoryDiscovery[] = [];
  const open = () => {
    const discovery = new MemoryDiscovery();
    opened.push(discovery);
    return discovery;
  };
  afterEach(() => Promise.all(opened.splice(0).map((discovery) => discovery.close())));

  discoverySuite(open);

  it('tells a watch that was closed not even what was on its way', async () => {
    const changes: InstanceChange[] = [];
    const watch = await open().watch({ namespace: 'my-ns' }, (change) => changes.push(change));
    const registering = open().register(instance(1n));
    watch.close();
    await registering;
    await turn();
    expect(changes).toEqual([]);
  });
});

it('instances are picked by whole names', () => {
  const generate = instance(1n, { namespace: 'n', component: 'c', endpoint: 'generate' });
  expect(picks({ namespace: 'n' }, generate)).toBe(true);
  expect(picks({ namespace: 'n', component: 'c', endpoint: 'generate' }, generate)).toBe(true);
  expect(picks({ namespace: 'n', component: 'c', endpoint: 'gen' }, generate)).toBe(false);
  expect(picks({ namespace: 'n', component: 'other' }, generate)).toBe(false);
  expect(picks({ namespace: 'm' }, generate)).toBe(false);
});

it('random ids are of 64 bits and not 0', () => {
  for (let i = 0; i < 100; i++) {
    const id = randomInstanceId();
    expect(id > 0n && id < 2n ** 64n).toBe(true);
  }
});
