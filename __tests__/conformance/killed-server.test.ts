import { join } from 'node:path';
import { callInstance, resolveLimits } from '../../lib/runtime/call';
import { compileLib, startNode } from '../support/child';
import { collect } from './harness';
import { tcpOn } from './tcp';

const lib = compileLib();

/** A worker process: `silent` is never answered, a number of items is sent and then no more. Its first line is its address. */
const worker = () =>
  startNode(`
    const { DistributedRuntime } = require(${JSON.stringify(join(lib, 'runtime/distributed-runtime.js'))});
    (async () => {
      const runtime = await DistributedRuntime.fromSettings({ discoveryBackend: 'mem', tcp: { host: '127.0.0.1' } });
      const { address } = await runtime.endpoint('n.c.e').serve(async ({ data }) => {
        if (data === 'silent') { await new Promise(() => {}); }
        return (async function* () {
          for (let i = 0; i < data; i++) yield 'x'.repeat(1024);
          await new Promise(() => {});
        })();
      });
      console.log(address);
    })();
  `);

/** How long `over` takes after the worker was killed, in milliseconds. */
async function killed<T>(child: ReturnType<typeof startNode>, over: Promise<T>): Promise<{ result: T; took: number }> {
  child.kill('SIGKILL');
  const start = performance.now();
  return { result: await over, took: performance.now() - start };
}

describe('a server process that is killed', () => {
  const { request, response } = tcpOn('127.0.0.1').open();
  afterAll(() => Promise.all([request.client.close(), response.server.close()]));
  const call = (address: string, data: unknown) =>
    callInstance<string>({ request, response }, resolveLimits({}), { transport: { kind: 'tcp', address } }, data, {});

  it('before the handler has answered fails the call within a second', async () => {
    const child = worker();
    const address = await child.firstLine;
    const failed = call(address, 'silent').catch((error: unknown) => error);
    // It answers in order, so that the first request has reached its handler, too.
    await call(address, 0);
    const { result, took } = await killed(child, failed);
    expect(result).toMatchObject({ code: 'PROFILED_DISCONNECTED' });
    expect(took).toBeLessThan(1_000);
    await expect(call(address, 1)).rejects.toMatchObject({ code: 'PROFILED_DISCONNECTED' });
  });

  it.each([
    ['between two items', 3, 3],
    ['while its items wait to be read', 1_000, 0],
  ])('%s ends the stream with an error item within a second', async (_, sent, read) => {
    const child = worker();
    const iterator = (await call(await child.firstLine, sent))[Symbol.asyncIterator]();
    for (let i = 0; i < read; i++) expect(await iterator.next()).toMatchObject({ done: false });
    const { result, took } = await killed(child, collect({ [Symbol.asyncIterator]: () => iterator }));
    expect(took).toBeLessThan(1_000);
    expect(result.pop()).toBe('error: Stream ended before generation completed');
    expect(result.length).toBeLessThanOrEqual(sent - read);
    expect(new Set(result).size).toBeLessThanOrEqual(1);
  });
});
