import { ProfiledError } from '../../errors';
import type { Discovery, Instance, InstanceChange, InstanceFilter, Registration, Watch } from '../discovery';
import { encodeRecord, isRecordable } from '../file-record';
import { EtcdConnection } from './connection';
import { keyOf } from './keys';
import { EtcdLease } from './lease';
import { type EtcdDiscoveryOptions, resolveEtcdOptions } from './options';
import { EtcdWatch } from './watch';

/**
 * Discovery through etcd, with the keys and values of Dynamo (`DYN_DISCOVERY_BACKEND=etcd`). Each instance is a key below
 * `v1/instances/` that lives as long as the lease of its process.
 *
 * A killed process is known until its lease is over. While etcd is away, requesters keep what they know and workers serve on; a
 * worker that lost its lease registers again, under the same id, as soon as it can. Where Dynamo's own worker ends then, one of
 * this package tells `/health` and the log.
 */
export class EtcdDiscovery implements Discovery {
  readonly #connection: EtcdConnection;
  readonly #lease: EtcdLease;
  readonly #watches = new Set<EtcdWatch>();
  readonly #ttlMs: number;
  #closing: Promise<void> | undefined;

  /** Connects to nothing yet. @throws PROFILED_CONFIG_INVALID for an option that can't be used */
  constructor(options: EtcdDiscoveryOptions = {}) {
    const resolved = resolveEtcdOptions(options);
    this.#connection = new EtcdConnection(resolved);
    this.#lease = new EtcdLease(resolved, this.#connection);
    this.#ttlMs = resolved.ttlSeconds * 1_000;
  }

  async instanceId(): Promise<bigint> {
    return this.#lease.id;
  }

  /**
   * @throws PROFILED_TARGET_INVALID if the instance is registered, PROFILED_SHUTDOWN after `close`, PROFILED_UNAVAILABLE if etcd
   * does not answer, PROFILED_CONFIG_INVALID if it lets nobody in, or for the memory plane, which no other process can reach
   */
  async register(instance: Instance, listener?: (isKnown: boolean) => void): Promise<Registration> {
    this.#checkOpen();
    if (!isRecordable(instance)) {
      throw new ProfiledError(
        'PROFILED_CONFIG_INVALID',
        `etcd discovery can not announce an endpoint on the ${instance.transport.kind} plane, which only this process can ` +
          'reach; take `tcp` as the request plane, or `mem` for discovery',
      );
    }
    const unregister = await this.#lease.add(keyOf(instance), encodeRecord(instance), listener);
    this.#checkOpen(); // if not, `close` ends the lease
    return { unregister };
  }

  /**
   * @throws PROFILED_SHUTDOWN after `close`, PROFILED_UNAVAILABLE if etcd does not answer, PROFILED_CONFIG_INVALID if it lets
   * nobody in
   */
  async watch(filter: InstanceFilter, listener: (change: InstanceChange) => void): Promise<Watch> {
    this.#checkOpen();
    const watch = new EtcdWatch(this.#connection, filter, listener, this.#ttlMs);
    this.#watches.add(watch);
    const close = () => {
      watch.close();
      this.#watches.delete(watch);
    };
    try {
      const snapshot = await watch.start();
      this.#checkOpen();
      return { snapshot, close };
    } catch (error) {
      close();
      throw error;
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    await this.#lease.close();
    this.#connection.close();
  }

  #checkOpen(): void {
    if (this.#closing) throw new ProfiledError('PROFILED_SHUTDOWN', 'discovery is closed');
  }
}
