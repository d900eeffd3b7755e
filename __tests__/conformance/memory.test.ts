import { memoryRequestPlane, memoryResponsePlane } from '../../lib/transports/memory/planes';
import type { TransportUnderTest } from './harness';
import { planesSuite } from './planes-suite';
import { streamsSuite } from './streams-suite';

const memory: TransportUnderTest = {
  name: 'memory',
  slack: 70,
  open: () => ({ request: memoryRequestPlane(), response: memoryResponsePlane() }),
};

describe.each([memory])('$name', (transport) => {
  planesSuite(transport);
  streamsSuite(transport);
});
