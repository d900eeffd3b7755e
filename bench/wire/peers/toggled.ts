import { dirname, join } from 'node:path';
import { TOGGLED, type Toggled } from '../cases';
import { fresh } from '../fresh';
import type { Caller, Peer, Served } from '../peer';
import type * as Ours from './ours';
import type * as Off from './ours-off';

const addressOf = (which: Toggled) => `bench.wire.${which}`;

/** A copy of the package for each endpoint: they share neither compiled code nor what the compiler knows of types. */
async function serveCopy(which: Toggled): Promise<Served> {
  const own = fresh<{ DistributedRuntime: unknown }>(require.resolve('profiled'), dirname(require.resolve('profiled')));
  if (!own.DistributedRuntime) throw new Error('the package could not be loaded again');
  const ours = fresh<typeof Ours>(join(__dirname, 'ours.js'));
  if (which === 'nothing') fresh<typeof Off>(join(__dirname, 'ours-off.js')).turnOff();
  return ours.serveWorker(addressOf(which), { streamMetrics: which !== 'standard' });
}

async function serve(): Promise<Served> {
  const served: Served[] = [];
  for (const which of TOGGLED) served.push(await serveCopy(which));
  return {
    address: 'all of them',
    pids: [],
    isWorker: true,
    close: () => Promise.all(served.map((one) => one.close())),
  };
}

/** One requester, of whose callers {@link Task.endpoint} chooses. */
async function connect(): Promise<Caller> {
  const ours = fresh<typeof Ours>(join(__dirname, 'ours.js'));
  const callers = new Map<string, Caller>();
  for (const which of TOGGLED) callers.set(which, await ours.callWorker(addressOf(which)));
  return {
    read: (task, onItem) => callers.get(task.endpoint!)!.read(task, onItem),
    close: () => Promise.all([...callers.values()].map((caller) => caller.close())),
  };
}

export const peer: Peer = { title: 'Profiled, recording and not', serve, connect };
