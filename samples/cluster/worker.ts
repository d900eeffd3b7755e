/** One of the three workers. Where it is found, and where its metrics are, the environment says; it ends when its parent lets go of it. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Annotated, type AsyncEngine, DistributedRuntime, Profiled, type SingleIn } from 'profiled';
import { finish } from '../support/process';

@Profiled('cluster', 'speller', 'spell')
class Speller implements AsyncEngine<string, Annotated<string>> {
  async *generate(request: SingleIn<string>) {
    for (const char of request.data) {
      await sleep(5);
      yield Annotated.fromData(char);
    }
  }
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  await runtime.serve(new Speller());
  process.send!(String(runtime.systemServerInfo()!.port));
  await once(process, 'disconnect');
  await runtime.shutdown();
}

finish(main());
