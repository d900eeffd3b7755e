/** A worker of this package. Same tasks and same lines as worker.py; see peer.ts for the protocol. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Context, DistributedRuntime, Ingress } from '../../lib/index';

interface Task {
  readonly do: string;
  readonly n?: number;
  readonly after?: number;
  readonly value?: unknown;
}

const tell = (event: Record<string, unknown>) => console.log(JSON.stringify(event));

class Worker {
  instance = '';

  generate(request: Context<Task>): AsyncIterable<unknown> {
    tell({ event: 'request', id: request.id });
    // Here and not in the generator: an error before there is a stream. The real runtime's Python handlers can't have one.
    if (request.data.do === 'refuse') throw new Error('not today');
    return this.#run(request);
  }

  async *#run(request: Context<Task>): AsyncGenerator<unknown> {
    const { do: task, n = 0, after = 0, value } = request.data;
    if (task === 'count') for (let number = 0; number < n; number++) yield number;
    else if (task === 'echo') yield value;
    else if (task === 'who') yield this.instance;
    else if (task === 'id') yield request.id;
    else if (task === 'metadata') yield { ...request.metadata };
    else if (task === 'fail') throw new Error('no such thing');
    else if (task === 'endless') yield* endless(request);
    else {
      for (let number = 0; number < after; number++) yield number;
      throw new Error('lost my way');
    }
  }
}

async function* endless(request: Context<Task>): AsyncGenerator<number> {
  try {
    for (let number = 0; !request.isStopped; number++) {
      yield number;
      await delay(5);
    }
  } finally {
    tell({ event: 'ended', stopped: request.isStopped, killed: request.isKilled });
  }
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const worker = new Worker();
  const served = await runtime.endpoint(process.argv[2]!).serve(Ingress.forEngine(worker));
  worker.instance = String(served.instanceId);
  tell({ event: 'ready', instance: worker.instance, metrics: runtime.systemServerInfo()?.port });
  process.stdin.resume().on('end', () => void runtime.shutdown());
}

void main();
