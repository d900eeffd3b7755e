import { EtcdDiscovery } from '../../lib/discovery/etcd/etcd';
import { describeEtcd, EtcdServer } from '../support/etcd-server';
import type { TransportUnderTest } from './harness';
import { planesSuite } from './planes-suite';
import { streamsSuite } from './streams-suite';
import { tcpOn } from './tcp';

let server: EtcdServer;
const tcp = tcpOn('127.0.0.1');
const onEtcd: TransportUnderTest = {
  ...tcp,
  name: `${tcp.name}, found through etcd`,
  open: () => ({ ...tcp.open(), discovery: new EtcdDiscovery({ endpoints: server.url }) }),
};

describeEtcd(onEtcd.name, () => {
  beforeAll(async () => {
    server = await EtcdServer.start();
  });
  afterAll(() => server.stop());

  planesSuite(onEtcd);
  streamsSuite(onEtcd);
});
