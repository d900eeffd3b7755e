import { ProfiledError } from '../errors';
import type { Discovery, Instance, InstanceChange, InstanceFilter, Registration, Watch } from './discovery';
import { type BucketFollower, FileBucket } from './file-bucket';
import { FileLease } from './file-lease';
import { type FileDiscoveryOptions, resolveFileOptions } from './file-options';
import { encodeRecord, fileNameOf, isRecordable, prefixOf } from './file-record';
import { instanceKey, picks, randomInstanceId } from './instance';

/**
 * Discovery through a directory that all processes share, on one machine or on a common file system; no service is needed. Each
 * instance is a file that its owner touches every few seconds; whoever finds one that was not touched for the time to live
 * deletes it. Dynamo's own processes do the same with the same files (`DYN_DISCOVERY_BACKEND=file`).
 *
 * A killed process is known until its lease is over: calls to it fail meanwhile. An event loop that stands still for longer than
 * the lease loses its registrations, and writes them again as soon as it runs.
 */
export class FileDiscovery implements Discovery {
  readonly #id = randomInstanceId();
  readonly #lease: FileLease;
  readonly #bucket: FileBucket;
  #closed = false;

  /** Touches nothing yet. @throws PROFILED_CONFIG_INVALID for an option that can't be used */
  constructor(options: FileDiscoveryOptions = {}) {
    const resolved = resolveFileOptions(options);
    this.#lease = new FileLease(resolved);
    this.#bucket = new FileBucket(resolved, (name) => this.#lease.owns(name));
  }

  async instanceId(): Promise<bigint> {
    return this.#id;
  }

  /**
   * @throws PROFILED_TARGET_INVALID if the instance is registered, PROFILED_SHUTDOWN after `close`, PROFILED_CONFIG_INVALID if
   * the root can't be written to, or for the memory plane, which no other process can reach
   */
  async register(instance: Instance): Promise<Registration> {
    this.#checkOpen();
    if (!isRecordable(instance)) {
      throw new ProfiledError(
        'PROFILED_CONFIG_INVALID',
        `file discovery can not announce an endpoint on the ${instance.transport.kind} plane, which only this process can ` +
          'reach; take `tcp` as the request plane, or `mem` for discovery',
      );
    }
    const unregister = await this.#lease.add(fileNameOf(instanceKey(instance)), encodeRecord(instance));
    this.#checkOpen(); // if not, `close` deletes it
    return { unregister };
  }

  /** @throws PROFILED_SHUTDOWN after `close`, PROFILED_CONFIG_INVALID if the root can be neither made nor read */
  async watch(filter: InstanceFilter, listener: (change: InstanceChange) => void): Promise<Watch> {
    this.#checkOpen();
    const follower: BucketFollower = {
      prefix: prefixOf(filter),
      tell: (change) => {
        if (picks(filter, change.instance)) listener(change);
      },
    };
    const known = await this.#bucket.follow(follower);
    this.#checkOpen();
    const snapshot = known.filter((instance) => picks(filter, instance));
    return { snapshot, close: () => this.#bucket.unfollow(follower) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#bucket.close(), this.#lease.close()]);
  }

  #checkOpen(): void {
    if (this.#closed) throw new ProfiledError('PROFILED_SHUTDOWN', 'discovery is closed');
  }
}
