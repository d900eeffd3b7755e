import net from 'node:net';
import { DialGate } from '../../../lib/transports/tcp/dial-gate';
import { tcpRequestPlane } from '../../../lib/transports/tcp/planes';
import { eventually } from '../../support/eventually';
import { noSocketIsLeft, RawServer } from './raw';

const X = Buffer.from('x');
const worker = () => RawServer.listen(({ socket }) => socket.once('data', () => socket.write(Buffer.alloc(4))));

/** Connections that are asked for from now on: the first one hangs until the test lets it fail, the rest are real. */
const hangFirst = () => {
  const hung = new net.Socket();
  return { hung, connect: jest.spyOn(net, 'connect').mockReturnValueOnce(hung) };
};

afterEach(async () => {
  jest.restoreAllMocks();
  await noSocketIsLeft();
});

describe('a limit of dials', () => {
  it('holds for all hosts together; those that wait get their turn', async () => {
    await using second = await worker();
    await using third = await worker();
    const { client } = tcpRequestPlane({ maxDials: 1 });
    const { hung, connect } = hangFirst();
    const first = client.send('127.0.0.1:1/x', X, {});
    const sent = [second, third].map(({ address }) => client.send(`${address}/x`, X, {}));
    await new Promise((resolve) => setImmediate(resolve));
    expect(connect).toHaveBeenCalledTimes(1);
    hung.destroy(new Error('it went wrong'));
    await expect(first).rejects.toThrow('it went wrong');
    expect(await Promise.all(sent)).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
    expect(connect).toHaveBeenCalledTimes(3);
    await client.close();
  });

  it('is not used up by requests that were given up meanwhile', async () => {
    await using second = await worker();
    const { client } = tcpRequestPlane({ maxDials: 1, connectTimeoutMs: 60_000 });
    const { hung, connect } = hangFirst();
    const first = client.send('127.0.0.1:1/x', X, {});
    const given = new AbortController();
    const up = client.send('127.0.0.1:2/x', X, {}, { signal: given.signal });
    const onceMore = new AbortController();
    const again = client.send(`${second.address}/x`, X, {}, { signal: onceMore.signal });
    given.abort();
    onceMore.abort();
    // At once, while the end of the dial before it has not been heard yet.
    const last = client.send(`${second.address}/x`, X, {});
    for (const one of [up, again]) await expect(one).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
    hung.destroy(new Error('it went wrong'));
    await expect(first).rejects.toMatchObject({ code: 'PROFILED_DISCONNECTED' });
    expect(await last).toHaveLength(0);
    expect(connect.mock.calls.map(([to]) => (to as unknown as net.TcpNetConnectOpts).port)).not.toContain(2);
    expect(connect).toHaveBeenCalledTimes(2);
    await client.close();
  });

  it('does not keep a client from being closed', async () => {
    const { client } = tcpRequestPlane({ maxDials: 1 });
    hangFirst();
    const sent = [1, 2].map((port) => client.send(`127.0.0.1:${port}/x`, X, {}));
    const rejected = Promise.all(sent.map((one) => expect(one).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' })));
    await client.close();
    await rejected;
  });
});

describe('a gate', () => {
  it('lets in as many as it may, in order', async () => {
    const gate = new DialGate(2);
    const log: string[] = [];
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => gate.enter(() => void log.push(name)));
    c!();
    expect(log).toEqual(['a', 'b']);
    b!();
    expect(log).toEqual(['a', 'b', 'd']);
    a!();
    d!();
    gate.enter(() => void log.push('e'));
    await eventually('it is in', () => log.includes('e'));
  });
});
