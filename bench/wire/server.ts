/** The worker's process: `node server.js <peer>`. */
import { answerWith, memory, usage } from './answering';
import { gate } from './handler';
import { loadPeer, type Served } from './peer';

let served: Served | undefined;

answerWith({
  begin: async () => {
    const peer = await loadPeer(process.argv[2]!);
    served = await peer.serve();
    const { address, pids, isWorker } = served;
    return { title: peer.title, address, pids, isWorker };
  },
  gate: (state: 'open' | 'closed') => (served?.gate ?? gate)(state),
  usage,
  memory,
  end: () => served?.close(),
});
