import { FramePipe } from '../../lib/transports/memory/frame-pipe';
import { memoryRequestPlane, memoryResponsePlane } from '../../lib/transports/memory/planes';
import { FRAME_BUFFER } from '../../lib/wire/limits';

const bytes = (n: number) => Uint8Array.of(n);

describe('a pipe in memory', () => {
  it('takes 64 frames at once and lets the writer of the next one wait', async () => {
    const pipe = new FramePipe();
    for (let i = 0; i < FRAME_BUFFER; i++) expect(pipe.write(bytes(i))).toBeUndefined();
    const log: string[] = [];
    const waiting = pipe.write(bytes(64))!.then(() => log.push('written'));
    await Promise.resolve();
    log.push('reading');
    expect(await pipe.read()).toEqual(bytes(0));
    await waiting;
    expect(log).toEqual(['reading', 'written']);
    for (let i = 1; i <= 64; i++) expect(await pipe.read()).toEqual(bytes(i));
  });

  it('copies what is written', async () => {
    const pipe = new FramePipe();
    const frame = bytes(1);
    void pipe.write(frame);
    frame[0] = 2;
    expect(await pipe.read()).toEqual(bytes(1));
  });

  it('gives what was written before its end, and drops it when it breaks', async () => {
    const ended = new FramePipe();
    void ended.write(bytes(1));
    ended.end();
    expect([await ended.read(), await ended.read()]).toEqual([bytes(1), undefined]);
    await expect(ended.write(bytes(2))).rejects.toMatchObject({ code: 'PROFILED_DISCONNECTED' });
    const broken = new FramePipe();
    void broken.write(bytes(1));
    broken.break();
    expect(await broken.read()).toBeUndefined();
  });

  it('wakes a reader at the end', async () => {
    const pipe = new FramePipe();
    const reading = pipe.read();
    pipe.end();
    expect(await reading).toBeUndefined();
    await pipe.ended;
  });
});

describe('addresses in memory', () => {
  it('are 19 characters long for responses, as in the documented byte counts', async () => {
    const plane = memoryResponsePlane();
    const pending = await plane.server.expect('id');
    const { address } = JSON.parse(pending.connectionInfo.info) as { address: string };
    expect(address).toMatch(/^memory:[0-9a-f]{12}$/);
    expect(address).toHaveLength(19);
    expect(pending.connectionInfo.transport).toBe('tcp_server');
    await plane.server.close();
  });

  it('differ from plane to plane, and hold the id in hex', async () => {
    const target = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 2n ** 64n - 1n };
    const planes = [memoryRequestPlane(), memoryRequestPlane()];
    const served = await Promise.all(planes.map(({ server }) => server.serve(target, async () => new Uint8Array())));
    for (const { address } of served) expect(address).toMatch(/^memory:[0-9a-f]{12}\/ffffffffffffffff\/n\/c\/e$/);
    expect(served[0]!.address).not.toBe(served[1]!.address);
    await Promise.all(planes.map(({ server }) => server.close()));
    await expect(planes[0]!.server.serve(target, async () => new Uint8Array())).rejects.toMatchObject({
      code: 'PROFILED_SHUTDOWN',
    });
  });
});

describe('a worker in memory that has ended', () => {
  it('waits ten seconds for the FIN, and loses no frame of a slow reader', async () => {
    jest.useFakeTimers();
    try {
      const { server, client } = memoryResponsePlane();
      const pending = await server.expect('id');
      const sender = await client.dial(pending.connectionInfo, 'id', { onEvent: () => {} });
      const receiver = await pending.connected;
      void sender.send(bytes(1));
      let isOver = false;
      const ended = sender.end().then(() => (isOver = true));
      await jest.advanceTimersByTimeAsync(9_999);
      expect(isOver).toBe(false);
      await jest.advanceTimersByTimeAsync(1);
      await ended;
      expect([await receiver.receive(), await receiver.receive()]).toEqual([bytes(1), undefined]);
      receiver.close();
      await server.close();
    } finally {
      jest.useRealTimers();
    }
  });
});
