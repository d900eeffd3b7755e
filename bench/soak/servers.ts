import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { get, until } from './waiting';

/** A NATS server or an etcd, in a process that faults are done to. Its ports stay its own. */
export class Server {
  #child: ChildProcess | undefined;

  private constructor(
    private readonly program: string,
    private readonly args: readonly string[],
    readonly url: string,
    private readonly healthUrl: string,
  ) {}

  static async nats(): Promise<Server> {
    const [port, monitor] = [await freePort(), await freePort()];
    const args = ['-a', '127.0.0.1', '-p', String(port), '-m', String(monitor)];
    return new Server('nats-server', args, `nats://127.0.0.1:${port}`, `http://127.0.0.1:${monitor}/healthz`).start();
  }

  static async etcd(folder: string): Promise<Server> {
    const [url, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    const settings = {
      name: 'soak',
      'data-dir': join(folder, 'etcd'),
      'listen-client-urls': url,
      'advertise-client-urls': url,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `soak=${peers}`,
      // Leases may be as short as this run needs them.
      'heartbeat-interval': '50',
      'election-timeout': '500',
      'log-level': 'error',
      logger: 'zap',
    };
    const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    return new Server('etcd', args, url, `${url}/health`).start();
  }

  /** Resolves when it answers. */
  async start(): Promise<this> {
    const child = (this.#child = spawn(this.program, this.args, { stdio: 'ignore' }));
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    await until(`${this.program} answers`, async () => {
      if (failure) throw failure;
      if (child.exitCode !== null) throw new Error(`${this.program} has ended`);
      return (await get(this.healthUrl))?.status === 200;
    });
    return this;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child!.kill(signal);
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Calls the JSON gateway of an etcd. */
  async api<T>(path: string, body: object): Promise<T> {
    const response = await fetch(`${this.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** How many keys an etcd has below the one that all instances have. */
  async instances(): Promise<number> {
    const prefix = 'v1/instances/';
    const range = { key: base64(prefix), range_end: base64(prefix.replace(/.$/, '0')), count_only: true };
    return Number((await this.api<{ count?: string }>('kv/range', range)).count ?? 0);
  }

  /** Changes an etcd a hundred times over, and lets it forget all of that. */
  async compact(): Promise<void> {
    for (let i = 0; i < 100; i++) await this.api('kv/put', { key: base64('soak/other'), value: base64(String(i)) });
    const { header } = await this.api<{ header: { revision: string } }>('kv/range', { key: base64('x') });
    await this.api('kv/compaction', { revision: header.revision, physical: true });
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
