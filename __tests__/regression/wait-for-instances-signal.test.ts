import { getEventListeners } from 'node:events';
import type { Client } from '../../lib/runtime/client';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';

/** How much the platform itself keeps with `signal`, such as the signals that `AbortSignal.any` made of it. */
function keptBy(signal: AbortSignal): number {
  const kept = Object.getOwnPropertySymbols(signal).map(
    (key) => (signal as never)[key] as { size?: number } | undefined,
  );
  return kept.reduce((total, value) => total + (typeof value?.size === 'number' ? value.size : 0), 0);
}

describe('waitForInstances with a signal that outlives it', () => {
  let runtime: DistributedRuntime;
  let client: Client;
  const controller = new AbortController();
  const { signal } = controller;

  beforeAll(async () => {
    runtime = await DistributedRuntime.fromSettings({ requestPlane: 'memory' });
    client = await runtime.endpoint('regression.c.wait').client();
  });
  afterAll(() => runtime.shutdown());

  const nothingIsLeft = () => {
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(keptBy(signal)).toBe(0);
  };

  // Node 24 lets go of composites; before, they are what this test is about.
  const leaks = Number(process.versions.node.split('.')[0]) < 24;
  (leaks ? test : test.skip)('this test would see what AbortSignal.any leaves', () => {
    const { signal: other } = new AbortController();
    const made = AbortSignal.any([other]);
    expect(keptBy(other)).toBe(1);
    expect(made.aborted).toBe(false);
  });

  test('nothing is left by a wait that ends by its time limit', async () => {
    for (let i = 0; i < 3; i++) {
      await expect(client.waitForInstances({ timeoutMs: 1, signal })).rejects.toMatchObject({
        code: 'PROFILED_TIMEOUT',
      });
    }
    nothingIsLeft();
  });

  test('nor by one that finds an instance, with and without a time limit', async () => {
    const waiting = client.waitForInstances({ timeoutMs: 5_000, signal });
    await runtime.endpoint('regression.c.wait').serve(() => 'answer');
    expect(await waiting).toHaveLength(1);
    await client.waitForInstances({ timeoutMs: 5_000, signal });
    await client.waitForInstances({ signal });
    nothingIsLeft();
  });

  test('nor by one that is given up, and its reason is that of the signal', async () => {
    using other = await runtime.endpoint('regression.c.nobody').client();
    const waiting = other.waitForInstances({ timeoutMs: 5_000, signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(other.waitForInstances({ timeoutMs: 5_000, signal })).rejects.toBe(reason);
    await expect(other.waitForInstances({ signal })).rejects.toBe(reason);
    nothingIsLeft();
  });
});
