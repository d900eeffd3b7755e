import { join } from 'node:path';
import { tcpResponsePlane } from '../../../lib/transports/tcp/planes';
import { compileLib, runNode, startNode } from '../../support/child';

const lib = compileLib();
const program = (lines: string) => `
  const { tcpRequestPlane, tcpResponsePlane } = require(${JSON.stringify(join(lib, 'transports/tcp/planes.js'))});
  const { encodeTwoPart } = require(${JSON.stringify(join(lib, 'wire/two-part.js'))});
  const target = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 1n };
  const options = { host: '127.0.0.1' };
  (async () => { ${lines} })();
`;

describe('a worker process', () => {
  it('that is killed midway is seen to be gone within a second', async () => {
    const { server } = tcpResponsePlane({ host: '127.0.0.1' });
    try {
      const pending = await server.expect('id');
      const worker = startNode(
        program(`
          const { client } = tcpResponsePlane(options);
          const sender = await client.dial(${JSON.stringify(pending.connectionInfo)}, 'id', { onEvent() {} });
          await sender.send(encodeTwoPart('', String(process.pid)));
          await new Promise(() => {});
        `),
      );
      const receiver = await pending.connected;
      const pid = Number(Buffer.from((await receiver.receive())!).toString('utf8', 24));
      const next = receiver.receive();
      process.kill(pid, 'SIGKILL');
      const killedAt = performance.now();
      expect(await next).toBeUndefined();
      expect(performance.now() - killedAt).toBeLessThan(1_000);
      expect((await worker.finished).signal).toBe('SIGKILL');
    } finally {
      await server.close();
    }
  });

  it('stays while it serves, and may end once it serves nothing, whoever is still connected', async () => {
    const { stdout, code } = await runNode(
      program(`
        const worker = tcpRequestPlane(options);
        const served = await worker.server.serve(target, async () => new Uint8Array());
        const { client } = tcpRequestPlane(options);
        await client.send(served.address, Buffer.from('x'), {});
        setTimeout(async () => { console.log('still here'); await served.stop(); }, 20).unref();
      `),
    );
    expect([stdout, code]).toEqual(['still here\n', 0]);
  });
});

describe('a requester process', () => {
  it('ends by itself when it has nothing to wait for', async () => {
    const { stdout, code } = await runNode(
      program(`
        const { server, client } = tcpResponsePlane(options);
        const pending = await server.expect('id');
        const sender = await client.dial(pending.connectionInfo, 'id', { onEvent() {} });
        const receiver = await pending.connected;
        await sender.send(encodeTwoPart('', 'x'));
        const ended = sender.end();
        while (await receiver.receive());
        receiver.close();
        await ended;
        const other = await server.expect('id');
        setTimeout(() => { console.log('still here'); other.cancel(new Error('enough')); }, 20).unref();
      `),
    );
    expect([stdout, code]).toEqual(['still here\n', 0]);
  });
});
