/** The worker of chaos.test.ts, a process of its own. Says one line of JSON when it is ready, and one for each line of its stdin. */
import { createInterface } from 'node:readline';
import type { SingleIn } from '../../lib/engine/context';
import { Annotated } from '../../lib/engine/annotated';
import { Ingress } from '../../lib/ingress/ingress';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import { heldMiB, Traces } from './traces';

/** What a request asks for. */
export interface Task {
  readonly do: 'count' | 'endless' | 'throw' | 'fail' | 'errors' | 'unwritable';
  readonly n: number;
}

/** What the worker says of itself. */
export interface Report {
  /** Files and sockets that were not open when it was ready. */
  readonly files: number;
  readonly timers: number;
  readonly heldMiB: number;
}

const TASKS: readonly string[] = ['count', 'endless', 'throw', 'fail', 'errors', 'unwritable'];

const schema = (value: unknown): Task => {
  const { do: task, n } = (value ?? {}) as Partial<Task>;
  if (task !== undefined && TASKS.includes(task) && Number.isInteger(n)) return { do: task, n: n! };
  throw new Error('no task');
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

function generate(request: SingleIn<Task>): AsyncIterable<unknown> {
  if (request.data.do === 'throw') throw new Error('no luck');
  return run(request);
}

async function* run({ data: { do: task, n } }: SingleIn<Task>): AsyncGenerator<unknown> {
  for (let i = 0; i < n || task === 'endless'; i++) {
    if (i % 4 === 3) await turn();
    yield task === 'errors'
      ? Annotated.fromError(new Error(`no ${i}`))
      : Annotated.fromData({ i, text: 'é'.repeat(i % 9) });
  }
  if (task === 'fail') throw new Error('no more luck');
  if (task === 'unwritable') yield { big: 1n };
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const maxConcurrentRequests = Number(process.argv[2]);
  const component = runtime.namespace('chaos').component('worker');
  const addresses: Record<string, string> = {};
  for (const name of ['whole', 'cut']) {
    const ingress = Ingress.forEngine<Task>(generate, { schema });
    addresses[name] = (await component.endpoint(name).serve(ingress, { maxConcurrentRequests })).address;
  }
  const traces = new Traces();
  console.log(JSON.stringify({ addresses, metrics: runtime.systemServerInfo()?.port }));
  const lines = createInterface({ input: process.stdin });
  lines.on('line', () => {
    const report: Report = { files: traces.files, timers: traces.timers, heldMiB: heldMiB() };
    console.log(JSON.stringify(report));
  });
  lines.on('close', () => void runtime.shutdown());
}

if (require.main === module) void main();
