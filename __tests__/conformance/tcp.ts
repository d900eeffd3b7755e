import { tcpRequestPlane, tcpResponsePlane } from '../../lib/transports/tcp/planes';
import type { TransportUnderTest } from './harness';

export const tcpOn = (host: string): TransportUnderTest => ({
  name: `tcp on ${host}`,
  // 64 frames of the sender, the buffers of the kernel (up to 10 MiB), and what the reader reads ahead.
  slack: 256,
  open: () => ({ request: tcpRequestPlane({ host }), response: tcpResponsePlane({ host }) }),
});
