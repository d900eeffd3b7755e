import { memoryRequestPlane, memoryResponsePlane } from '../../lib/transports/memory/planes';
import { faultsSuite } from './faults-suite';
import type { Side, TransportUnderTest } from './harness';
import { MemoryNetwork } from './memory-network';
import { planesSuite } from './planes-suite';
import { streamsSuite } from './streams-suite';

const open = (): Side => ({ request: memoryRequestPlane(), response: memoryResponsePlane() });
const memory: TransportUnderTest = {
  name: 'memory',
  slack: 70,
  open,
  network: () => new MemoryNetwork(open),
};

describe.each([memory])('$name', (transport) => {
  planesSuite(transport);
  streamsSuite(transport);
  faultsSuite(transport);
});
