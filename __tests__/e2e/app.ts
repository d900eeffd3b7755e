import { createInterface } from 'node:readline';
import { context, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { startSystemServer } from 'profiled';
import { double, limited, release, Streaming, type Work } from './handlers';

/** What the driver sends, a line of JSON each. */
export type Command =
  | { readonly run: readonly Work[]; readonly traceId: string }
  | { readonly begin: Work }
  | { readonly crowd: true }
  | { readonly release: true };

/** What became of one request: how long it took, and how many bytes its consumer got. */
export interface Result {
  readonly seconds: number;
  readonly bytes: number;
}

const handler = new Streaming();

async function consume(work: Work): Promise<Result> {
  const begin = performance.now();
  let bytes = 0;
  try {
    for await (const item of handler.generate(work)) {
      bytes += item.length;
      if (work.fate === 'cancel') break;
    }
  } catch (error) {
    if (work.fate !== 'fail') throw error;
  }
  return { seconds: (performance.now() - begin) / 1000, bytes };
}

async function answer(command: Command): Promise<unknown> {
  if ('run' in command) {
    const span = { traceId: command.traceId, spanId: '00f067aa0ba902b7', traceFlags: TraceFlags.SAMPLED };
    return context.with(trace.setSpanContext(ROOT_CONTEXT, span), () => Promise.all(command.run.map(consume)));
  }
  if ('crowd' in command) await Promise.allSettled([limited(), limited(), limited()]);
  else if ('begin' in command) void consume(command.begin);
  else release();
  return null;
}

async function main(): Promise<void> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  await double(1);
  const { address } = await startSystemServer({ port: 0, host: '127.0.0.1' });
  console.log(JSON.stringify(address));
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line) as Command)));
  }
  process.exit(0);
}

void main();
