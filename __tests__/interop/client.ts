/** A client of this package. Same commands and same lines as client.py; see peer.ts for the protocol. */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, Context, DistributedRuntime } from '../../lib/index';
import type { Call, Command } from './peer';

const tell = (event: Record<string, unknown>) => console.log(JSON.stringify(event));

async function call(client: Client, command: Call & { n: number }): Promise<void> {
  const { n, cancel, after, metadata } = command;
  const context = new Context(undefined, { metadata: metadata ?? {} });
  const items: unknown[] = [];
  let error: string | null = null;
  try {
    for await (const item of await send(client, command, context)) {
      if (item.isError) throw new Error(item.errorMessage);
      items.push(item.data);
      if (items.length === 1) tell({ event: 'begun', n });
      if (!cancel || items.length !== after) continue;
      if (cancel === 'leave') break;
      context.stopGenerating();
    }
  } catch (thrown) {
    error = String(thrown);
  }
  tell({ event: 'answer', n, id: context.id, items, error });
}

function send(client: Client, { mode, request, instance }: Call, context: Context<unknown>) {
  if (mode === 'direct') return client.direct(request, BigInt(instance!), { context });
  return mode === 'random' ? client.random(request, { context }) : client.roundRobin(request, { context });
}

async function wait(client: Client, n: number, count: number): Promise<void> {
  while (client.instances.length !== count) await delay(10);
  tell({ event: 'answer', n, instances: client.instances.map(({ instanceId }) => String(instanceId)) });
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const client = await runtime.endpoint(process.argv[2]!).client();
  tell({ event: 'ready' });
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const command = JSON.parse(line) as Command & { n: number };
    if (command.op === 'call') void call(client, command);
    else void wait(client, command.n, command.count);
  });
  lines.on('close', () => void runtime.shutdown());
}

void main();
