import { natsRequestPlane } from '../../lib/transports/nats/planes';
import { tcpResponsePlane } from '../../lib/transports/tcp/planes';
import { describeNats, NatsServer } from '../support/nats-server';
import type { TransportUnderTest } from './harness';
import { planesSuite } from './planes-suite';
import { streamsSuite } from './streams-suite';
import { tcpOn } from './tcp';

describeNats('nats', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  // Only requests go through the server; responses come as with TCP.
  const transport: TransportUnderTest = {
    ...tcpOn('127.0.0.1'),
    name: 'nats',
    open: () => ({
      request: natsRequestPlane({ server: server.url }),
      response: tcpResponsePlane({ host: '127.0.0.1' }),
    }),
  };
  planesSuite(transport);
  streamsSuite(transport);
});
