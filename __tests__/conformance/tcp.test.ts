import { faultsSuite } from './faults-suite';
import { planesSuite } from './planes-suite';
import { streamsSuite } from './streams-suite';
import { tcpOn } from './tcp';

describe.each([tcpOn('127.0.0.1'), tcpOn('::1')])('$name', (transport) => {
  planesSuite(transport);
  streamsSuite(transport);
  faultsSuite(transport);
});
