/**
 * Work on three threads, and one scrape for all of them, with a label that says which thread it was.
 *
 *   npm run sample samples/worker-threads.ts
 *
 * Expect requests_total{...,worker="thread-1"} 1 and more, up to 3 in thread-3. In compiled JavaScript leave out `execArgv`.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, threadId, Worker } from 'node:worker_threads';
import { aggregateWorkers, Profiled, startSystemServer } from 'profiled';
import { finish } from './support/process';

@Profiled('samples', 'threads', 'square')
class Square {
  async generate(x: number) {
    return x * x;
  }
}

async function main(): Promise<void> {
  aggregateWorkers({ workerLabel: true });
  const execArgv = ['--require', 'ts-node/register/transpile-only'];
  const threads = [1, 2, 3].map(() => new Worker(__filename, { execArgv }));
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  const server = await startSystemServer({ port: 0, host: '127.0.0.1' });
  console.log(await (await fetch(`${server.address}/metrics`)).text());
  await server.stop();
  await Promise.all(threads.map((thread) => thread.terminate()));
}

async function thread(): Promise<void> {
  const handler = new Square();
  for (let i = 0; i < threadId; i++) await handler.generate(i);
  parentPort!.postMessage('done');
  setInterval(() => {}, 2 ** 30);
}

finish(isMainThread ? main() : thread());
