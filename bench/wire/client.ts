/** The requester's process: `node client.js <peer> <address>`. */
import { answerWith, memory, usage } from './answering';
import type { Case, Task } from './cases';
import { finish, latency, Load } from './load';
import { type Caller, loadPeer } from './peer';

const peer = loadPeer(process.argv[2]!);
let caller: Caller | undefined;
let load: Load | undefined;

answerWith({
  begin: async () => {
    caller = await (await peer).connect(process.argv[3]!);
  },
  open: async (of: Case & { readonly streams: number }) => {
    load = new Load(caller!, Load.taskOf(await peer, of));
    await load.open(of.streams);
  },
  usage: () => ({ ...usage(), count: load?.count ?? 0 }),
  leave: () => load?.leave(),
  left: () => load?.left(),
  latency: (durationMs: number) => latency(caller!, durationMs),
  finish: ({ task, streams }: { task: Task; streams: number }) => finish(caller!, task, streams),
  memory,
  end: () => caller?.close(),
});
