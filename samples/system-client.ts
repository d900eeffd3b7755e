/**
 * The client half of the system example: sends three messages to `mynamespace.mycomponent.myendpoint`, wherever it is served, and
 * prints the characters of the answers as they stream.
 *
 *   npm run sample samples/system-client.ts
 *
 * Expect three lines. Start the server half first, in another terminal; without it the client waits.
 */
import { DistributedRuntime } from 'profiled';
import { finish } from './support/process';

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const client = await runtime.endpoint('mynamespace.mycomponent.myendpoint').client<string, string>();
  await client.waitForInstances();
  for (const message of ['test message 0', 'test message 1', 'test message 2']) {
    for await (const item of await client.random(message)) process.stdout.write(item.data ?? '');
    process.stdout.write('\n');
  }
  await runtime.shutdown();
}

finish(main());
