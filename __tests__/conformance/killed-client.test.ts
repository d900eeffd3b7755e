import { join } from 'node:path';
import type { Context } from '../../lib/engine/context';
import { compileLib, startNode } from '../support/child';
import { eventually } from '../support/eventually';
import { Pair } from './harness';
import { tcpOn } from './tcp';

const lib = compileLib();

/** A client process that calls `address`, then reads as many items as it is told to, and stays. Its first line says that it is there. */
const client = (address: string, reads: number) =>
  startNode(`
    const { callInstance, resolveLimits } = require(${JSON.stringify(join(lib, 'runtime/call.js'))});
    const { tcpRequestPlane, tcpResponsePlane } = require(${JSON.stringify(join(lib, 'transports/tcp/planes.js'))});
    const options = { host: '127.0.0.1' };
    const planes = { request: tcpRequestPlane(options), response: tcpResponsePlane(options) };
    const instance = { transport: { kind: 'tcp', address: ${JSON.stringify(address)} } };
    setInterval(() => {}, 60_000);
    (async () => {
      const calling = callInstance(planes, resolveLimits({}), instance, 'x', {});
      const items = ${reads} < 0 ? undefined : (await calling)[Symbol.asyncIterator]();
      for (let i = 0; i < ${reads}; i++) await items.next();
      console.log('there');
      await calling;
    })();
  `);

describe('a client process that is killed', () => {
  it.each<[string, number]>([
    ['before the handler has answered', -1],
    ['before it has read an item, while the handler waits for room', 0],
    ['between two items', 3],
  ])('%s cancels its request', async (_, reads) => {
    const seen: Context<string>[] = [];
    let sent = 0;
    await using pair = await Pair.open<string>(tcpOn('127.0.0.1'), async (context) => {
      seen.push(context);
      const killed = new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()));
      if (reads < 0) await killed;
      return (async function* () {
        for (; reads === 0 || sent < reads; sent += 1) yield 'x'.repeat(64 * 1024);
        await killed;
      })();
    });
    const child = client(pair.target.address, reads);
    expect(await child.firstLine).toBe('there');
    await eventually('the handler is called', () => seen.length === 1);
    if (reads === 0) {
      let before = -1;
      await eventually('the handler waits for room', async () => {
        const stands = sent > 0 && sent === before;
        before = sent;
        for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
        return stands;
      });
    }
    expect([seen[0]!.isKilled, pair.admission.running]).toEqual([false, 1]);
    child.kill('SIGKILL');
    await eventually('the handler has heard', () => seen[0]!.isKilled, 1_000);
    expect((await child.finished).signal).toBe('SIGKILL');
    expect(await pair.settled()).toMatchObject({ requests: 1, inflight: 0, ended: 1, cancellations: 1, errors: {} });
    if (reads > 0) expect(sent).toBe(reads);
  });
});
