import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually';

// A developer's machine may do without; where CI is set its absence fails the tests that start one.
export const hasEtcd = spawnSync('etcd', ['--version']).status === 0 || Boolean(process.env.CI);
if (!hasEtcd)
  process.stderr.write('etcd is not installed: its tests are skipped (Debian: apt-get install etcd-server)\n');

/** `describe` for tests that need an etcd. */
export const describeEtcd = hasEtcd ? describe : describe.skip;

/** A key as it is stored, its value as text. */
export interface StoredKey {
  readonly key: string;
  readonly value: string;
  /** The id of its lease in decimal digits; undefined where it has none. */
  readonly lease: string | undefined;
}

/** An etcd of the test's own: a process on free ports of loopback, its data in a directory that goes with it. */
export class EtcdServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'profiled-etcd-'));
  readonly #flags: readonly string[];
  readonly #scheme: string;
  #data = 0;
  #child: ChildProcess | undefined;
  #stderr = '';
  #token: string | undefined;

  private constructor(
    readonly port: number,
    readonly peerPort: number,
    flags: readonly string[],
  ) {
    this.#flags = flags;
    this.#scheme = flags.includes('--cert-file') ? 'https' : 'http';
  }

  /** Starts one; `flags` are added to its command line. Stop it. */
  static async start(flags: readonly string[] = []): Promise<EtcdServer> {
    const [port, peerPort] = await freePorts(2);
    const server = new EtcdServer(port!, peerPort!, flags);
    await server.launch();
    return server;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  /** Starts the process again after {@link kill}, with the data that it had or with none. */
  async launch({ empty = false } = {}): Promise<void> {
    if (empty) this.#data += 1;
    const peers = `http://127.0.0.1:${this.peerPort}`;
    const settings = {
      name: 'test',
      'data-dir': join(this.#folder, `data-${this.#data}`),
      'listen-client-urls': this.url,
      'advertise-client-urls': this.url,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `test=${peers}`,
      // Leases of a second are possible then; they have to be longer than an election.
      'heartbeat-interval': '20',
      'election-timeout': '200',
      'log-level': 'error',
      logger: 'zap',
    };
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD'));
    const args = [...Object.entries(settings).map(([name, value]) => `--${name}=${value}`), ...this.#flags];
    const child = spawn('etcd', args, { env: Object.fromEntries(inherited), stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    await eventually('etcd serves', async () => {
      if (child.exitCode !== null) throw new Error(`etcd has ended: ${this.#stderr.slice(-2_000)}`);
      return isListening(this.port);
    });
    if (this.#scheme === 'http') await eventually('etcd answers', () => this.#answers());
  }

  /** Kills the process with SIGKILL. Its ports stay its own. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Freezes the process, without an end of any connection. */
  freeze(): void {
    this.#child!.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child!.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Calls its JSON gateway, which shares no code with the client under test. Bytes are in base64. */
  async api(path: string, body: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/v3/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: this.#token === undefined ? {} : { Authorization: this.#token },
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** All that is stored, in the order of the keys. */
  async keys(): Promise<StoredKey[]> {
    const { kvs } = await this.api('kv/range', { key: base64('\0'), range_end: base64('\0') });
    return ((kvs ?? []) as Record<string, string>[]).map(({ key, value, lease }) => ({
      key: text(key!),
      value: text(value ?? ''),
      lease,
    }));
  }

  async put(key: string, value: string): Promise<void> {
    await this.api('kv/put', { key: base64(key), value: base64(value) });
  }

  async delete(key: string): Promise<void> {
    await this.api('kv/deleterange', { key: base64(key) });
  }

  /** Forgets all history up to now. */
  async compact(): Promise<void> {
    const { header } = await this.api('kv/range', { key: base64('x') });
    await this.api('kv/compaction', { revision: (header as { revision: string }).revision, physical: true });
  }

  /** Turns authentication on, with `root` as the only user. */
  async requireLogin(password: string): Promise<void> {
    await this.api('auth/user/add', { name: 'root', password });
    await this.api('auth/role/add', { name: 'root' });
    await this.api('auth/user/grant', { user: 'root', role: 'root' });
    await this.api('auth/enable', {});
    const { token } = await this.api('auth/authenticate', { name: 'root', password });
    this.#token = token as string;
  }

  async #answers(): Promise<boolean> {
    return fetch(`${this.url}/health`, { signal: AbortSignal.timeout(1_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}

export const base64 = (plain: string) => Buffer.from(plain, 'latin1').toString('base64');
const text = (encoded: string) => Buffer.from(encoded, 'base64').toString();

/** Ports that nobody listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => settle(false));
    socket.on('connect', () => {
      socket.destroy();
      settle(true);
    });
  });
}
