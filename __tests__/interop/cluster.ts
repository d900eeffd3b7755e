import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Language, Peer } from './peer';

/** Who asks whom. */
export interface Direction {
  readonly client: Language;
  readonly worker: Language;
}

/** A worker that serves, and the id of its instance in decimal digits. */
export interface Worker {
  readonly peer: Peer;
  readonly instance: string;
}

export const DIRECTIONS: readonly Direction[] = [
  { client: 'python', worker: 'ts' },
  { client: 'ts', worker: 'python' },
];

/** As the table of `docs/interop.md` and the titles of tests have it. */
export const titleOf = ({ client, worker }: Direction) =>
  `${client === 'ts' ? 'TypeScript' : 'Python'} client, ${worker === 'ts' ? 'TypeScript' : 'Python'} worker`;

export const ENDPOINT = 'my-ns.my_comp.gen-1';

/** Peers that share a store of their own. Both runtimes are told the same by the same variables. */
export class Cluster {
  readonly #peers: Peer[] = [];
  #store: string | undefined;

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
    const peer = this.#start(language, 'worker', env);
    const { instance } = await peer.event({ event: 'ready' });
    return { peer, instance: instance as string };
  }

  async client(env: Record<string, string> = {}): Promise<Peer> {
    const peer = this.#start(this.direction.client, 'client', env);
    await peer.event({ event: 'ready' });
    return peer;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.kill()));
    if (this.#store !== undefined) rmSync(this.#store, { recursive: true, force: true });
  }

  #start(language: Language, role: 'worker' | 'client', env: Record<string, string>): Peer {
    const peer = new Peer(language, role, this.version, ENDPOINT, {
      DYN_DISCOVERY_BACKEND: 'file',
      DYN_FILE_KV: this.store,
      DYN_REQUEST_PLANE: 'tcp',
      // Instances that failed a call are avoided for five seconds otherwise, by clients of both runtimes since 1.3.
      DYN_RUNTIME_INHIBITED_DURATION_SECS: '0',
      ...env,
    });
    this.#peers.push(peer);
    return peer;
  }
}
