import { tcpRequestPlane, tcpResponsePlane } from '../../lib/transports/tcp/planes';
import type { TransportUnderTest } from './harness';
import { planesSuite } from './planes-suite';
import { streamsSuite } from './streams-suite';

const on = (host: string): TransportUnderTest => ({
  name: `tcp on ${host}`,
  // 64 frames of the sender, the buffers of the kernel (up to 10 MiB), and what the reader reads ahead.
  slack: 256,
  open: () => ({ request: tcpRequestPlane({ host }), response: tcpResponsePlane({ host }) }),
});

describe.each([on('127.0.0.1'), on('::1')])('$name', (transport) => {
  planesSuite(transport);
  streamsSuite(transport);
});
