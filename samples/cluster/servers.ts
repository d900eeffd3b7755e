import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { Processes } from './processes';

/** Starts a NATS server; resolves to what NATS_SERVER has to be. */
export async function startNats(processes: Processes): Promise<string> {
  const port = await freePort();
  await processes.server('nats-server', ['-a', '127.0.0.1', '-p', String(port)], () => isListening(port));
  return `nats://127.0.0.1:${port}`;
}

/** Starts an etcd with one member; resolves to what ETCD_ENDPOINTS has to be. */
export async function startEtcd(processes: Processes): Promise<string> {
  const [url, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const settings = {
    name: 'cluster',
    'data-dir': join(processes.folder, 'etcd'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `cluster=${peers}`,
  };
  const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  await processes.server('etcd', args, () => answers(`${url}/health`));
  return url;
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether `url` is answered with a success. */
export function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

function isListening(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1', () => settle(!!socket.destroy()));
    socket.on('error', () => settle(false));
  });
}
