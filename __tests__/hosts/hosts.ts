import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasEtcd } from '../support/etcd-server';
import { eventually } from '../support/eventually';
import { hasNats } from '../support/nats-server';

let sets = 0;
const nextPrefix = () => `profiled-${process.pid}-${++sets}`;

/** Why there can be no hosts here. */
function hindrance(): string | undefined {
  const name = nextPrefix();
  const { status, stderr, error } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (status === 0) execFileSync('ip', ['netns', 'delete', name]);
  else return error ? 'iproute2 is not installed (Debian: apt-get install iproute2)' : stderr.trim();
  return undefined;
}

// Not everyone may make namespaces on their machine; where CI is set that fails the tests.
const reason = process.env.CI ? undefined : hindrance();
if (reason !== undefined)
  process.stderr.write(`no network namespaces, their tests are skipped: ${reason.split('\n')[0]}\n`);

/** `describe` for tests that need hosts, and the brokers on one of them. */
export const describeHosts: jest.Describe = reason === undefined && hasEtcd && hasNats ? describe : describe.skip;

/**
 * Hosts with a network of their own: a network namespace each, joined by a switch in one more, so that nothing of it is seen by the
 * machine. What runs on them talks to the test over pipes.
 */
export class Hosts implements AsyncDisposable {
  readonly #prefix = nextPrefix();
  readonly #children: ChildProcess[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'profiled-hosts-'));

  constructor(private readonly names: readonly string[]) {
    try {
      this.#lay();
    } catch (error) {
      this.#remove();
      throw error;
    }
  }

  /** The address of a host, in a range that only these hosts know. */
  address(name: string): string {
    return `10.77.0.${this.names.indexOf(name) + 1}`;
  }

  /** Starts a program on a host; it is killed at the end. */
  start(name: string, program: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const inherited = Object.entries(process.env).filter(
      ([variable]) => !/^(DYN_|NATS_|ETCD|NODE_OPTIONS|JEST_)/.test(variable),
    );
    const child = spawn('ip', ['netns', 'exec', this.#namespace(name), program, ...args], {
      env: { ...Object.fromEntries(inherited), ...env },
    });
    this.#children.push(child);
    return child;
  }

  /** Starts NATS and etcd on a host, and returns how the others reach them. */
  async startBrokers(name: string): Promise<Record<string, string>> {
    const address = this.address(name);
    const etcd = `http://${address}:2379`;
    const peers = 'http://127.0.0.1:2380';
    const settings = {
      'data-dir': join(this.#folder, 'etcd'),
      'listen-client-urls': etcd,
      'advertise-client-urls': etcd,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `default=${peers}`,
      // Leases of two seconds are possible then.
      'heartbeat-interval': '20',
      'election-timeout': '200',
      logger: 'zap',
    };
    const flags = Object.entries(settings).map(([flag, value]) => `--${flag}=${value}`);
    await Promise.all([
      saying('serving client traffic', this.start(name, 'etcd', flags)),
      saying('Server is ready', this.start(name, 'nats-server', ['-a', address, '-p', '4222'])),
    ]);
    return {
      DYN_REQUEST_PLANE: 'nats',
      NATS_SERVER: `nats://${address}:4222`,
      DYN_DISCOVERY_BACKEND: 'etcd',
      ETCD_ENDPOINTS: etcd,
    };
  }

  /** Pulls the cable of a host out of the switch: nothing arrives any more, and nobody is told. */
  cut(name: string): void {
    this.#ip(`-n ${this.#namespace('switch')} link set dev ${name} down`);
  }

  /** Plugs it in again. */
  join(name: string): void {
    this.#ip(`-n ${this.#namespace('switch')} link set dev ${name} up`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const alive = this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const ended = alive.map((child) => once(child, 'exit'));
    for (const child of alive) child.kill('SIGKILL');
    await Promise.all(ended);
    this.#remove();
  }

  #lay(): void {
    const bridge = this.#namespace('switch');
    this.#ip(`netns add ${bridge}`);
    this.#ip(`-n ${bridge} link add name bridge type bridge`);
    this.#ip(`-n ${bridge} link set dev bridge up`);
    for (const name of this.names) {
      const host = this.#namespace(name);
      this.#ip(`netns add ${host}`);
      this.#ip(`-n ${bridge} link add name ${name} type veth peer name eth0 netns ${host}`);
      this.#ip(`-n ${bridge} link set dev ${name} up master bridge`);
      this.#ip(`-n ${host} address add ${this.address(name)}/24 dev eth0`);
      for (const link of ['lo', 'eth0']) this.#ip(`-n ${host} link set dev ${link} up`);
      // What is sent to a host that is away is given up after 5 repetitions, some 13 seconds: by default it takes a quarter of an hour.
      const setting = 'echo 5 > /proc/sys/net/ipv4/tcp_retries2';
      execFileSync('ip', ['netns', 'exec', host, 'sh', '-c', setting]);
    }
  }

  /** A namespace takes its ends of the cables with it. */
  #remove(): void {
    for (const name of ['switch', ...this.names]) spawnSync('ip', ['netns', 'delete', this.#namespace(name)]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #namespace(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  #ip(command: string): void {
    execFileSync('ip', command.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

/** Resolves once a program has written `words` to its log. */
async function saying(words: string, child: ChildProcess): Promise<void> {
  let log = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (log += text));
  child.stdout!.resume();
  await eventually(
    words,
    () => {
      if (child.exitCode !== null) throw new Error(`it has ended: ${log.slice(-2_000)}`);
      return log.includes(words);
    },
    30_000,
  );
}
