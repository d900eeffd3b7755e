import {
  Annotated,
  type AsyncEngine,
  DistributedRuntime,
  Profiled,
  type ProfiledOptions,
  type SingleIn,
} from 'profiled';
import type { Task } from '../cases';
import { generate } from '../handler';
import type { Caller, Peer, Served } from '../peer';

function makeWorker(options: ProfiledOptions): AsyncEngine<Task, Annotated<string>> {
  @Profiled('bench', 'wire', 'ours', options)
  class Worker implements AsyncEngine<Task, Annotated<string>> {
    generate(request: SingleIn<Task>): AsyncGenerator<Annotated<string>> {
      return generate(request.data, request.signal, Annotated.fromData<string>);
    }
  }
  return new Worker();
}

/** Serves over TCP with file discovery, as `DYN_FILE_KV` says. */
export async function serveWorker(address: string, options: ProfiledOptions = {}): Promise<Served> {
  const runtime = await DistributedRuntime.fromSettings();
  await runtime.endpoint(address).serve(makeWorker(options));
  return { address, pids: [], isWorker: true, close: () => runtime.shutdown() };
}

/** Calls any worker of Dynamo's protocol. */
export async function callWorker(address: string): Promise<Caller> {
  const runtime = await DistributedRuntime.fromSettings();
  const client = await runtime.endpoint(address).client<Task, string>();
  await client.waitForInstances({ timeoutMs: 20_000 });
  return {
    read: async (task, onItem) => {
      for await (const item of await client.random(task)) {
        if (item.isError) throw new Error(item.errorMessage);
        if (!onItem(item.data!)) break;
      }
    },
    close: () => runtime.shutdown(),
  };
}

export const peer: Peer = { title: 'Profiled', serve: () => serveWorker('bench.wire.ours'), connect: callWorker };
