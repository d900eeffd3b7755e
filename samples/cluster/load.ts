/** The client: a few callers that ask again as soon as they are answered, until the parent says `end`. Then it says how many answers there were. */
import { once } from 'node:events';
import { DistributedRuntime } from 'profiled';
import { finish } from '../support/process';

const CALLERS = 9;

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const client = await runtime.endpoint('cluster.speller.spell').client<string, string>();
  await client.waitForInstances();
  let answered = 0;
  let isOver = false;
  const call = async () => {
    while (!isOver) {
      let answer = '';
      for await (const item of await client.roundRobin('a message')) answer += item.data ?? '';
      if (answer !== 'a message') throw new Error(`the answer was ${JSON.stringify(answer)}`);
      answered += 1;
    }
  };
  process.send!('calling');
  process.once('message', () => (isOver = true));
  process.once('disconnect', () => (isOver = true));
  await Promise.all(Array.from({ length: CALLERS }, call));
  if (process.connected) {
    process.send!(String(answered));
    await once(process, 'disconnect');
  }
  await runtime.shutdown();
}

finish(main());
