import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '../peer';
import { callWorker } from './ours';

const ADDRESS = 'bench.wire.dynamo';
const RELEASE = '1.6.1';

/** Where the interop suite keeps its environments; `node __tests__/interop/setup.js` makes them. */
const HOME = process.env.PROFILED_INTEROP_HOME ?? join(tmpdir(), 'profiled-interop');

/** Dynamo's own worker in Python, called by our client. */
export const peer: Peer = {
  title: `Dynamo ${RELEASE} worker, our client`,
  async serve() {
    const python = join(HOME, `ai-dynamo-runtime-${RELEASE}`, 'bin', 'python');
    const script = join(__dirname, '..', '..', 'peers', 'worker.py');
    const worker = spawn(python, [script, ADDRESS], { stdio: ['pipe', 'pipe', 'ignore'] });
    const gone = once(worker, 'exit');
    await Promise.race([
      once(worker.stdout, 'data'),
      once(worker, 'error').then(([error]) => Promise.reject(error)),
      gone.then(() => Promise.reject(new Error('the Python worker has ended'))),
    ]);
    const close = () => {
      worker.stdin.end();
      setTimeout(() => worker.kill('SIGKILL'), 5_000).unref();
      return gone;
    };
    return {
      address: ADDRESS,
      pids: [worker.pid!],
      isWorker: false,
      gate: (state) => void worker.stdin.write(`${state}\n`),
      close,
    };
  },
  connect: callWorker,
};
