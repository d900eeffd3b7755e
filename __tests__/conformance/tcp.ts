import { tcpRequestPlane, tcpResponsePlane } from '../../lib/transports/tcp/planes';
import type { Side, TransportUnderTest } from './harness';
import { TcpNetwork } from './tcp-network';

const openOn = (host: string) => (): Side => ({
  request: tcpRequestPlane({ host }),
  response: tcpResponsePlane({ host }),
});

export const tcpOn = (host: string): TransportUnderTest => ({
  name: `tcp on ${host}`,
  // 64 frames of the sender, the buffers of the kernel (up to 10 MiB), and what the reader reads ahead.
  slack: 256,
  open: openOn(host),
  network: () => new TcpNetwork(openOn(host)),
});
