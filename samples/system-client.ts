/**
 * The client half of the system example: sends three messages to `mynamespace.mycomponent.myendpoint` and prints the answers.
 *
 *   npm run sample samples/system-client.ts
 *
 * Expect three lines of answers. Server and client run in one process here, over the memory transport.
 */
import { DistributedRuntime } from 'profiled';
import { finish } from './support/process';
import { serveSystem } from './system-server';

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  await serveSystem(runtime);

  const client = await runtime.endpoint('mynamespace.mycomponent.myendpoint').client<string, string>();
  await client.waitForInstances();
  for (const message of ['test message 0', 'test message 1', 'test message 2']) {
    const chars: string[] = [];
    for await (const item of await client.random(message)) chars.push(item.data ?? '');
    console.log(chars.join(''));
  }
  await runtime.shutdown();
}

finish(main());
