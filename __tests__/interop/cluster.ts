import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasNats, NatsServer } from '../support/nats-server';
import { type Language, Peer } from './peer';

/** Who asks whom, and how requests travel. */
export interface Direction {
  readonly client: Language;
  readonly worker: Language;
  readonly plane: 'tcp' | 'nats';
}

/** A worker that serves, and the id of its instance in decimal digits. */
export interface Worker {
  readonly peer: Peer;
  readonly instance: string;
}

/** Without a NATS server only TCP; in CI its absence fails. */
const PLANES = hasNats ? (['tcp', 'nats'] as const) : (['tcp'] as const);

export const DIRECTIONS: readonly Direction[] = PLANES.flatMap((plane) => [
  { client: 'python', worker: 'ts', plane } as const,
  { client: 'ts', worker: 'python', plane } as const,
]);

/** As the table of `docs/interop.md` and the titles of tests have it. */
export const titleOf = ({ client, worker, plane }: Direction) =>
  `${client === 'ts' ? 'TypeScript' : 'Python'} client, ${worker === 'ts' ? 'TypeScript' : 'Python'} worker${
    plane === 'nats' ? ', over NATS' : ''
  }`;

export const ENDPOINT = 'my-ns.my_comp.gen-1';

/** Dynamo asks its server for JetStream, and the cases send up to 3 MiB. */
const natsServer = () => NatsServer.start((_, folder) => `max_payload: 8388608\njetstream: { store_dir: "${folder}" }`);

/** Peers that share a store of their own. Both runtimes are told the same by the same variables. */
export class Cluster {
  readonly #peers: Peer[] = [];
  #store: string | undefined;
  #nats: Promise<NatsServer> | undefined;

  constructor(
    readonly version: string,
    readonly direction: Direction,
  ) {}

  /** The directory of discovery, made on first use: one that is described and not run leaves nothing behind. */
  get store(): string {
    return (this.#store ??= mkdtempSync(join(tmpdir(), 'profiled-interop-store-')));
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
    if (this.#store !== undefined) rmSync(this.#store, { recursive: true, force: true });
  }

  async #start(language: Language, role: 'worker' | 'client', env: Record<string, string>): Promise<Peer> {
    const { plane } = this.direction;
    const nats: Record<string, string> =
      plane === 'nats' ? { NATS_SERVER: (await (this.#nats ??= natsServer())).url } : {};
    const peer = new Peer(language, role, this.version, ENDPOINT, {
      DYN_DISCOVERY_BACKEND: 'file',
      DYN_FILE_KV: this.store,
      DYN_REQUEST_PLANE: plane,
      ...nats,
      // Instances that failed a call are avoided for five seconds otherwise, by clients of both runtimes since 1.3.
      DYN_RUNTIME_INHIBITED_DURATION_SECS: '0',
      ...env,
    });
    this.#peers.push(peer);
    return peer;
  }
}
