import { tcpRequestPlane } from '../../lib/transports/tcp/planes';
import { RequestFrameDecoder } from '../../lib/wire/request-frame';
import { encodeAcks } from '../../lib/wire/ack-frame';
import { eventually } from '../support/eventually';
import { noSocketIsLeft, type RawPeer, RawServer } from '../transports/tcp/raw';

/**
 * Acknowledgements have no id. A worker that never acknowledged one request shifted all later ones of the connection by one, and
 * a time limit under a second never found that out: each request got the answer of the next, or none.
 */
describe('a request that was given up before its acknowledgement', () => {
  /** A worker that leaves the answers to the test. */
  const listen = async () => {
    const seen: { peer: RawPeer; payload: string }[] = [];
    const raw = await RawServer.listen((peer) => {
      const decoder = new RequestFrameDecoder();
      peer.socket.on('data', (chunk: Buffer) => {
        decoder.push(chunk);
        for (let frame = decoder.next(); frame; frame = decoder.next()) {
          seen.push({ peer, payload: frame.payload.toString() });
        }
      });
    });
    const { client } = tcpRequestPlane();
    const send = (payload: string, signal?: AbortSignal) =>
      client.send(`${raw.address}/x`, Buffer.from(payload), {}, { signal });
    const arrived = async (payload: string) => {
      await eventually(`${payload} arrived`, () => seen.some((one) => one.payload === payload));
      return seen.find((one) => one.payload === payload)!.peer;
    };
    return { raw, client, send, arrived };
  };
  const ack = (peer: RawPeer, ...texts: string[]) =>
    peer.socket.write(encodeAcks(texts.map((one) => Buffer.from(one))));

  afterEach(noSocketIsLeft);

  it('costs its connection, when nobody else waits for one there', async () => {
    const { raw, client, send, arrived } = await listen();
    for (let i = 0; i < 3; i++) {
      const controller = new AbortController();
      const lost = send(`lost ${i}`, controller.signal);
      const before = await arrived(`lost ${i}`);
      controller.abort();
      await expect(lost).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
      const next = send(`next ${i}`);
      const peer = await arrived(`next ${i}`);
      expect(peer === before).toBe(false);
      ack(peer, `for ${i}`);
      expect((await next).toString()).toBe(`for ${i}`);
    }
    await client.close();
    await raw[Symbol.asyncDispose]();
  });

  it('keeps new requests off its connection until its acknowledgement has come', async () => {
    const { raw, client, send, arrived } = await listen();
    const controller = new AbortController();
    const early = send('early');
    const lost = send('lost', controller.signal);
    const waiting = send('waiting');
    const peer = await arrived('waiting');
    controller.abort();
    await expect(lost).rejects.toMatchObject({ code: 'PROFILED_CANCELLED' });
    const apart = send('apart');
    const other = await arrived('apart');
    expect(other === peer).toBe(false);
    ack(peer, 'for early', 'for lost');
    expect((await early).toString()).toBe('for early');
    ack(other, 'for apart');
    await apart;
    other.socket.end();
    await other.all();
    const after = send('after');
    expect((await arrived('after')) === peer).toBe(true);
    ack(peer, 'for waiting', 'for after');
    expect([(await waiting).toString(), (await after).toString()]).toEqual(['for waiting', 'for after']);
    await client.close();
    await raw[Symbol.asyncDispose]();
  });
});
