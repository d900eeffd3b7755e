/** A worker on a host of its own; see peer.ts. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Context, DistributedRuntime } from '../../lib/index';
import { ask } from '../support/http';
import { PATH, serveCommands, type Task, type WorkerReport } from './peer';

const name = process.argv[2]!;
const seen: string[] = [];

async function* generate(request: Context<Task>): AsyncGenerator<string> {
  seen.push(request.id);
  yield name;
  if (request.data === 'hold' && !request.isStopped)
    await new Promise((stopped) => request.signal.addEventListener('abort', stopped));
  while (request.data === 'flow' && !request.isStopped) {
    yield name;
    await delay(20);
  }
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const served = await runtime.endpoint(PATH).serve({ generate });
  const system = `http://127.0.0.1:${runtime.systemServerInfo()!.port}`;
  serveCommands(async (): Promise<WorkerReport> => {
    const [health, metrics] = await Promise.all([ask(`${system}/health`), ask(`${system}/metrics`)]);
    return { instance: String(served.instanceId), health: health.status, metrics: metrics.body, seen };
  });
}

void main();
