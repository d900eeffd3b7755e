import { EtcdDiscovery } from '../../lib/discovery/etcd/etcd';
import type { EtcdDiscoveryOptions } from '../../lib/discovery/etcd/options';
import { EtcdServer } from '../support/etcd-server';

/** The time to live that the tests ask for, in milliseconds: short, and long enough for a busy machine. */
export const TTL_MS = 3_000;

/** The key of an instance of the tests, written out by hand. */
export const key = (idHex: string) => `v1/instances/my-ns/my_comp/gen.1/${idHex}`;

/** An etcd and what was opened on it: all gone after the test. */
export class Etcd {
  readonly #open: EtcdDiscovery[] = [];

  private constructor(readonly server: EtcdServer) {}

  static async start(flags?: readonly string[]): Promise<Etcd> {
    return new Etcd(await EtcdServer.start(flags));
  }

  readonly open = (options: EtcdDiscoveryOptions = {}): EtcdDiscovery => {
    const times = { leaseTtlMs: TTL_MS, requestTimeoutMs: 1_000 };
    const discovery = new EtcdDiscovery({ endpoints: this.server.url, ...times, ...options });
    this.#open.push(discovery);
    return discovery;
  };

  /** Closes what was opened. */
  async clear(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((discovery) => discovery.close()));
  }

  async dispose(): Promise<void> {
    await this.clear();
    await this.server.stop();
  }
}
