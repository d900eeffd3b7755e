import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdServer, hasEtcd } from '../support/etcd-server';
import { hasNats, NatsServer } from '../support/nats-server';
import { type Language, Peer } from './peer';

/** Who asks whom, how requests travel, and how workers are found. */
export interface Direction {
  readonly client: Language;
  readonly worker: Language;
  readonly plane: 'tcp' | 'nats';
  readonly discovery: 'file' | 'etcd';
}

/** A worker that serves, and the id of its instance in decimal digits. */
export interface Worker {
  readonly peer: Peer;
  readonly instance: string;
}

/** Both ways round. Without its server a way is left out, with one line; in CI that fails. */
const bothWays = ({ plane, discovery }: Pick<Direction, 'plane' | 'discovery'>): Direction[] =>
  (plane === 'nats' && !hasNats) || (discovery === 'etcd' && !hasEtcd)
    ? []
    : [
        { client: 'python', worker: 'ts', plane, discovery },
        { client: 'ts', worker: 'python', plane, discovery },
      ];

/** What everything runs on: neither server, and both. */
export const DIRECTIONS: readonly Direction[] = [
  ...bothWays({ plane: 'tcp', discovery: 'file' }),
  ...bothWays({ plane: 'nats', discovery: 'etcd' }),
];

/** One of the two servers. The halves do not know each other, so some cases are enough. */
export const MIXED: readonly Direction[] = [
  ...bothWays({ plane: 'nats', discovery: 'file' }),
  ...bothWays({ plane: 'tcp', discovery: 'etcd' }),
];

const LANGUAGES = { ts: 'TypeScript', python: 'Python' } as const;

/** As the table of `docs/interop.md` and the titles of tests have it. */
export const titleOf = ({ client, worker, plane, discovery }: Direction) =>
  `${LANGUAGES[client]} client, ${LANGUAGES[worker]} worker, ${plane === 'nats' ? 'NATS' : 'TCP'} and ${
    discovery === 'etcd' ? 'etcd' : 'files'
  }`;

export const ENDPOINT = 'my-ns.my_comp.gen-1';

/** Dynamo asks its server for JetStream, and the cases send up to 3 MiB. */
const natsServer = () => NatsServer.start((_, folder) => `max_payload: 8388608\njetstream: { store_dir: "${folder}" }`);

/** Peers that share a store of their own. Both runtimes are told the same by the same variables. */
export class Cluster {
  readonly #peers: Peer[] = [];
  #store: string | undefined;
  #nats: Promise<NatsServer> | undefined;
  #etcd: Promise<EtcdServer> | undefined;

  constructor(
    readonly version: string,
    readonly direction: Direction,
  ) {}

  /** The names of all instances that are registered. */
  async records(): Promise<string[]> {
    if (this.direction.discovery === 'file') return readdirSync(join(this.#store!, 'v1/instances'));
    return (await (await this.#etcd!).keys()).map(({ key }) => key).filter((key) => key.startsWith('v1/instances/'));
  }

  /** Starts one more worker and waits until it serves. */
  async worker(env: Record<string, string> = {}, language = this.direction.worker): Promise<Worker> {
    const peer = await this.#start(language, 'worker', env);
    const { instance } = await peer.event({ event: 'ready' });
    return { peer, instance: instance as string };
  }

  async client(env: Record<string, string> = {}): Promise<Peer> {
    const peer = await this.#start(this.direction.client, 'client', env);
    await peer.event({ event: 'ready' });
    return peer;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.kill()));
    await (await this.#nats)?.[Symbol.asyncDispose]();
    await (await this.#etcd)?.stop();
    if (this.#store !== undefined) rmSync(this.#store, { recursive: true, force: true });
  }

  async #start(language: Language, role: 'worker' | 'client', env: Record<string, string>): Promise<Peer> {
    const peer = new Peer(language, role, this.version, ENDPOINT, {
      ...(await this.#plane()),
      ...(await this.#discovery()),
      // Instances that failed a call are avoided for five seconds otherwise, by clients of both runtimes since 1.3.
      DYN_RUNTIME_INHIBITED_DURATION_SECS: '0',
      ...env,
    });
    this.#peers.push(peer);
    return peer;
  }

  async #plane(): Promise<Record<string, string>> {
    if (this.direction.plane === 'tcp') return { DYN_REQUEST_PLANE: 'tcp' };
    return { DYN_REQUEST_PLANE: 'nats', NATS_SERVER: (await (this.#nats ??= natsServer())).url };
  }

  /** Made on first use: a cluster that is described and not run leaves nothing behind. */
  async #discovery(): Promise<Record<string, string>> {
    if (this.direction.discovery === 'file') {
      this.#store ??= mkdtempSync(join(tmpdir(), 'profiled-interop-store-'));
      return { DYN_DISCOVERY_BACKEND: 'file', DYN_FILE_KV: this.#store };
    }
    return {
      DYN_DISCOVERY_BACKEND: 'etcd',
      ETCD_ENDPOINTS: (await (this.#etcd ??= EtcdServer.start())).url,
      // Releases before 1.6 take 10 seconds by themselves, 1.6 takes 30.
      ETCD_LEASE_TTL: '10',
      // Beside etcd, releases before 1.3 look for a NATS server for their events, whatever their requests use.
      ...(this.direction.plane === 'tcp' && { DYN_EVENT_PLANE: 'zmq' }),
    };
  }
}
