import fs from 'node:fs';
import { join } from 'node:path';
import { compileLib, startNode } from '../support/child';
import { eventually } from '../support/eventually';
import { fileName, Following, Store } from './file-support';

const lib = compileLib();
const OPTIONS = { ttlMs: 900, touchIntervalMs: 200, listIntervalMs: 200 };

/** A program that registers instance `id` and says so; it ends with its input. `after` is what it does then. */
const worker = (root: string, id: bigint, after = '') => `
  const { FileDiscovery } = require(${JSON.stringify(join(lib, 'discovery/file.js'))});
  const discovery = new FileDiscovery(${JSON.stringify({ root, ...OPTIONS })});
  const transport = { kind: 'tcp', address: '127.0.0.1:4000/x' };
  const address = { namespace: 'my-ns', component: 'my_comp', endpoint: 'gen.1', instanceId: ${id}n };
  (async () => {
    await discovery.register({ ...address, transport });
    const watch = await discovery.watch(address, () => {});
    console.log(watch.snapshot.map(({ instanceId }) => instanceId).join());
    ${after}
  })();
  process.stdin.on('end', () => discovery.close()).resume();`;

describe('several processes', () => {
  let store: Store;
  beforeEach(() => (store = new Store()));
  afterEach(() => store.dispose());

  it('see each other, and end by themselves when they close', async () => {
    const following = await Following.start(store.open(OPTIONS));
    const one = startNode(worker(store.root, 2n ** 64n - 1n));
    expect(await one.firstLine).toBe('18446744073709551615');
    const two = startNode(worker(store.root, 2n ** 64n - 2n));
    expect((await two.firstLine).split(',').sort()).toEqual(['18446744073709551614', '18446744073709551615']);
    two.endInput();
    const finished = await two.finished;
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    one.endInput();
    expect(await one.finished).toMatchObject({ code: 0, stderr: '' });
    await eventually('the end of both', () => following.changes.length === 4);
    expect(following.changes.map((change) => change.replace('1844674407370955161', '')).join()).toBe(
      'put 5,put 4,delete 4,delete 5',
    );
    expect(store.files()).toEqual([]);
  }, 15_000);

  it('forget one that was killed when its lease is over, not before', async () => {
    const doomed = startNode(worker(store.root, 7n));
    await doomed.firstLine;
    const following = await Following.start(store.open(OPTIONS));
    expect(following.ids).toEqual([7n]);
    doomed.kill();
    await doomed.finished;
    const path = join(store.bucket, fileName('7'));
    const touchedAt = fs.statSync(path).mtimeMs;
    expect(following.ids).toEqual([7n]);
    await eventually('its end', () => following.known.size === 0);
    expect(Date.now() - touchedAt).toBeGreaterThanOrEqual(OPTIONS.ttlMs);
    await eventually('its file is deleted', () => !fs.existsSync(path));
  }, 15_000);

  it('see one again whose event loop stood still for longer than its lease', async () => {
    const stalled = startNode(
      worker(store.root, 7n, `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${OPTIONS.ttlMs * 2});`),
    );
    const following = await Following.start(store.open(OPTIONS));
    await eventually('all of it', () => following.changes.length === 3, 10_000);
    expect(following.changes).toEqual(['put 7', 'delete 7', 'put 7']);
    stalled.endInput();
    expect(await stalled.finished).toMatchObject({ code: 0 });
  }, 15_000);
});
