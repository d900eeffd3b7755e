import { setTimeout as sleep } from 'node:timers/promises';
import { LEASE_SECONDS, type Soak } from './soak';

/** Does one fault to the cluster, and undoes what can be undone. The cluster has to get well by itself after that. */
type Fault = (soak: Soak) => Promise<void>;

async function frozen(server: Soak['nats'], seconds: number): Promise<void> {
  server.signal('SIGSTOP');
  await sleep(seconds * 1_000);
  server.signal('SIGCONT');
}

async function killedAndStarted(server: Soak['nats']): Promise<void> {
  await server.kill();
  await sleep(2_000);
  await server.start();
}

/** In the order in which they are done, over and over. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'worker: SIGKILL, and a new one': async (soak) => {
    await soak.alive('worker')[1]!.kill();
    await soak.add('worker');
  },
  'NATS server: SIGKILL, and started after 2 s': ({ nats }) => killedAndStarted(nats),
  'etcd: SIGSTOP for twice a lease': ({ etcd }) => frozen(etcd, 2 * LEASE_SECONDS),
  'client: SIGKILL in the middle of its streams, and a new one': async (soak) => {
    await soak.alive('client')[1]!.kill();
    const client = await soak.add('client');
    await client.ask('start');
  },
  'NATS server: SIGSTOP for 5 s': ({ nats }) => frozen(nats, 5),
  'worker: SIGTERM, and a new one': async (soak) => {
    const [, worker] = soak.alive('worker');
    await Promise.all([soak.end(worker!), soak.add('worker')]);
  },
  'etcd: SIGKILL, and started after 2 s': ({ etcd }) => killedAndStarted(etcd),
  // Before all have found it again, so that watches go on from what is not there any more.
  'etcd: SIGKILL, started and compacted at once': async ({ etcd }) => {
    await etcd.kill();
    await etcd.start();
    await etcd.compact();
  },
};

/** One fault that was done, in milliseconds of the clock. */
export interface Done {
  readonly name: string;
  readonly began: number;
  /** When everything was well again; undefined if it never was. */
  readonly well: number | undefined;
}

/** Does a fault and waits until the cluster is well. */
export async function inflict(soak: Soak, name: string): Promise<Done> {
  const began = Date.now();
  await FAULTS[name]!(soak);
  try {
    await soak.untilWell();
    return { name, began, well: Date.now() };
  } catch (error) {
    soak.problems.push(`after "${name}": ${String(error)}`);
    return { name, began, well: undefined };
  }
}
