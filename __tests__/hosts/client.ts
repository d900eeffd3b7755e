/** A client on a host of its own; see peer.ts. */
import { Context, DistributedRuntime } from '../../lib/index';
import { type ClientCommand, PATH, type Progress, serveCommands, type Task } from './peer';

/** What is needed of an item here. */
interface Item {
  readonly isError: boolean;
  readonly errorMessage?: string;
  readonly data?: string;
}

const streams = new Map<string, { readonly stream: AsyncIterator<Item>; readonly abort: AbortController }>();

/** Goes on with a call; what becomes of it and how long that took. */
async function progress(id: string, step: () => Promise<{ worker?: string; error?: string }>): Promise<Progress> {
  const start = performance.now();
  const outcome = await step().catch((error: unknown) => ({ error: String(error) }));
  return { id, ...outcome, ms: performance.now() - start };
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const client = await runtime.endpoint(PATH).client<Task, string>();

  const begin = ({ task, instance }: ClientCommand & { op: 'begin' }) => {
    const context = new Context(undefined);
    const abort = new AbortController();
    const options = { context, signal: abort.signal };
    return progress(context.id, async () => {
      const calling =
        instance === undefined ? client.random(task, options) : client.direct(task, BigInt(instance), options);
      const stream: AsyncIterator<Item> = (await calling)[Symbol.asyncIterator]();
      const { value } = (await stream.next()) as IteratorYieldResult<Item>;
      if (value.isError) return { error: value.errorMessage! };
      streams.set(context.id, { stream, abort });
      return { worker: value.data! };
    });
  };
  const finish = ({ id, limitMs }: ClientCommand & { op: 'finish' }) =>
    progress(id, async () => {
      const { stream, abort } = streams.get(id)!;
      streams.delete(id);
      if (limitMs !== undefined) setTimeout(() => abort.abort(), limitMs);
      for (;;) {
        const { done, value } = await stream.next();
        if (done) return {};
        if (value.isError) return { error: value.errorMessage! };
      }
    });

  serveCommands<ClientCommand>(async (command) => {
    if (command.op === 'instances') return client.instances.map(({ instanceId }) => String(instanceId));
    return command.op === 'begin' ? begin(command) : finish(command);
  });
}

void main();
