import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Discovery } from '../../lib/discovery/discovery';
import { EtcdDiscovery } from '../../lib/discovery/etcd/etcd';
import { FileDiscovery } from '../../lib/discovery/file';
import { natsRequestPlane } from '../../lib/transports/nats/planes';
import { tcpResponsePlane } from '../../lib/transports/tcp/planes';
import { describeEtcd, EtcdServer } from '../support/etcd-server';
import { describeNats, NatsServer } from '../support/nats-server';
import { BrokerNetwork } from './broker-network';
import { faultsSuite } from './faults-suite';
import type { Side, TransportUnderTest } from './harness';
import { planesSuite } from './planes-suite';
import { streamsSuite } from './streams-suite';
import { tcpOn } from './tcp';

describeNats('nats', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  function suites(openDiscovery?: () => Discovery): void {
    // Only requests go through the server; responses come as with TCP.
    const open = (): Side => ({
      request: natsRequestPlane({ server: server.url }),
      response: tcpResponsePlane({ host: '127.0.0.1' }),
      ...(openDiscovery && { discovery: openDiscovery() }),
    });
    const transport: TransportUnderTest = {
      ...tcpOn('127.0.0.1'),
      name: 'nats',
      open,
      network: () => new BrokerNetwork(open, server),
    };
    planesSuite(transport);
    streamsSuite(transport);
    faultsSuite(transport);
  }

  describe('and the test tells the address', () => suites());

  describe('found through files', () => {
    const root = mkdtempSync(join(tmpdir(), 'profiled-conformance-'));
    afterAll(() => rmSync(root, { recursive: true, force: true }));
    suites(() => new FileDiscovery({ root }));
  });

  describeEtcd('found through etcd', () => {
    let etcd: EtcdServer;
    beforeAll(async () => {
      etcd = await EtcdServer.start();
    });
    afterAll(() => etcd.stop());
    suites(() => new EtcdDiscovery({ endpoints: etcd.url }));
  });
});
