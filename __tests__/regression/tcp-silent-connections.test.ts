import { tcpRequestPlane } from '../../lib/transports/tcp/planes';
import { noSocketIsLeft, RawPeer, requestFrame } from '../transports/tcp/raw';
import { eventually } from '../support/eventually';

const TARGET = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 0x1fn };
const MAX = 20;
const FRAME = requestFrame('1f/n/c/e', 'x');

/** Who connects and sends no request took up all connections, and clients were turned away until it left. */
it('makes room for clients among connections that say nothing, the longest silent first', async () => {
  const { server } = tcpRequestPlane({ host: '127.0.0.1', maxConnections: MAX });
  const { address } = await server.serve(TARGET, async () => new Uint8Array());
  const connect = async (bytes?: Buffer) => {
    const peer = await RawPeer.connect(address);
    if (bytes) peer.socket.write(bytes);
    return peer;
  };
  const pooled = await connect(FRAME);
  await pooled.received(4);
  const slow = await connect();
  const silent: RawPeer[] = [];
  while (silent.length < MAX - 2) silent.push(await connect());
  slow.socket.write(FRAME.subarray(0, 3));
  await eventually('it has arrived', () => slow.socket.writableLength === 0);
  // An answer to what came after it says that it was read.
  pooled.socket.write(FRAME);
  await pooled.received(8);
  for (let i = 0; i < MAX - 2; i++) {
    const client = await connect(FRAME);
    expect((await client.received(4)).toString('hex')).toBe('00000000');
    expect(await silent[i]!.all()).toHaveLength(0);
  }
  slow.socket.write(FRAME.subarray(3));
  await slow.received(4);
  pooled.socket.write(FRAME);
  await pooled.received(12);
  await server.close();
  await noSocketIsLeft();
});
