/** A worker of the soak, a process of its own. It writes down each request itself, beside what its metrics say. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Annotated, CustomMetric, DistributedRuntime, Ingress, Profiled, type SingleIn } from '../../lib/index';
import { answer, record } from './answering';
import type { HandlerEnd, Task } from './tasks';

interface Item {
  readonly n: number;
}

/** The items of one task. Not a generator: one that is left before it began would run none of its code. */
class Items implements AsyncIterableIterator<Annotated<Item>, undefined> {
  #sent = 0;
  #isOver = false;

  constructor(private readonly request: SingleIn<Task>) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Annotated<Item>, undefined>> {
    const { kind, items, gapMs } = this.request.data;
    if (!this.#isOver && this.request.isStopped) this.#end('stopped');
    if (!this.#isOver && this.#sent === items) {
      this.#end(kind === 'fails' ? 'failed' : 'whole');
      if (kind === 'fails') throw new Error('as asked, midway');
    }
    if (!this.#isOver && gapMs > 0) await sleep(gapMs);
    if (this.#isOver) return { done: true, value: undefined };
    return { done: false, value: Annotated.fromData({ n: this.#sent++ }) };
  }

  async return(): Promise<IteratorResult<Annotated<Item>, undefined>> {
    this.#end('left');
    return { done: true, value: undefined };
  }

  #end(how: HandlerEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    record({ at: 'over', id: this.request.data.id, how, items: this.#sent });
  }
}

@Profiled('soak', 'worker', 'run')
class Handler {
  @CustomMetric({
    type: 'counter',
    name: 'soak_settled_total',
    help: 'Total number of requests that ended, each of which is written down',
    on: 'end',
    value: ({ request }) => {
      record({ at: 'settled', id: (request as Task).id });
      return 1;
    },
  })
  generate(request: SingleIn<Task>): AsyncIterable<Annotated<Item>> {
    const { id, kind } = request.data;
    record({ at: 'begin', id });
    if (kind !== 'throws') return new Items(request);
    record({ at: 'over', id, how: 'threw', items: 0 });
    throw new Error('as asked, before the stream');
  }
}

function schema(value: unknown): Task {
  const task = value as Task;
  if (task.items >= 0) return task;
  record({ at: 'refused', id: task.id });
  throw new Error('as asked, no task');
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const ingress = Ingress.forEngine(new Handler(), { schema });
  const served = await runtime.endpoint('soak.worker.run').serve(ingress);
  let drained: Promise<void> | undefined;
  const drain = () => (drained ??= runtime.shutdown());
  process.on('SIGTERM', () => void drain());
  // Its metrics can still be scraped until the driver lets go of it.
  answer({ drained: drain }, () => void drain());
  process.send!({ port: runtime.systemServerInfo()!.port, instanceId: String(served.instanceId) });
}

void main();
