import { randomBytes } from 'node:crypto';
import { messageOf, ProfiledError } from '../../errors';
import { now } from '../../internal/clock';
import { log } from '../../internal/logger';
import type { EtcdConnection } from './connection';
import { explain, isLeaseUnknown, isPreconditionFailed } from './failures';
import type { ResolvedEtcdOptions } from './options';

/** While etcd is away it is tried again so often, in milliseconds, if the lease does not ask for more. */
const RETRY_MS = 500;

/** A key of this process. */
interface Entry {
  readonly value: Buffer;
  /** Told when others can't see the key any more, and when they can again. */
  readonly listener: ((isKnown: boolean) => void) | undefined;
  /** Whether others can see it, as far as this process can tell; undefined until it was put for the first time. */
  isKnown?: boolean;
}

/**
 * The lease of this process and the keys that live as long as it does. It is renewed three times in its time to live. One that
 * ended meanwhile is taken again under the same id, and the keys are put again: who knew this process finds it under the id that
 * its addresses and metrics carry. The same is done for a key that someone deleted.
 */
export class EtcdLease {
  /** Chosen here, which etcd allows, so that it can be taken again. Positive as a signed integer of 64 bits. */
  readonly id = randomBytes(8).readBigUInt64BE() >> 1n || 1n;
  readonly #options: ResolvedEtcdOptions;
  readonly #connection: EtcdConnection;
  readonly #entries = new Map<string, Entry>();
  /** Keys that are to go, and could not be deleted yet. */
  readonly #leftovers = new Set<string>();
  readonly #underWay = new Set<Promise<unknown>>();
  #ttlMs: number;
  #isHeld = false;
  #isFailing = false;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #beat: Promise<void> | undefined;

  constructor(options: ResolvedEtcdOptions, connection: EtcdConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#ttlMs = options.ttlSeconds * 1_000;
  }

  /**
   * Puts a key and keeps it. Resolves to a function that deletes it, which never rejects.
   * @throws PROFILED_TARGET_INVALID if there is a key of that name, PROFILED_UNAVAILABLE, PROFILED_CONFIG_INVALID
   */
  async add(key: string, value: string, listener?: (isKnown: boolean) => void): Promise<() => Promise<void>> {
    if (this.#entries.has(key)) throw taken(key);
    const entry: Entry = { value: Buffer.from(value), listener };
    this.#entries.set(key, entry);
    try {
      await this.#track(this.#add(key, entry));
    } catch (error) {
      this.#entries.delete(key);
      const failure = explain(error, this.#options);
      // It may have been put all the same, and the answer was lost.
      if (failure.code === 'PROFILED_UNAVAILABLE') this.#leftovers.add(key);
      throw failure;
    }
    let removal: Promise<void> | undefined;
    return () => (removal ??= this.#track(this.#remove(key)));
  }

  /** Ends the lease, and all keys with it. Nothing may be added any more. Never rejects. */
  async close(): Promise<void> {
    this.#entries.clear();
    clearTimeout(this.#timer);
    clearTimeout(this.#expiry);
    await Promise.allSettled([...this.#underWay, this.#beat]);
    clearTimeout(this.#timer);
    clearTimeout(this.#expiry);
    if (!this.#isHeld) return;
    await this.#connection.call('LeaseRevoke', { ID: this.id.toString() }).catch((error: unknown) => {
      if (!isLeaseUnknown(error)) logLeftovers(error);
    });
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    return work.finally(() => this.#underWay.delete(work));
  }

  async #add(key: string, entry: Entry): Promise<void> {
    this.#leftovers.delete(key);
    if (!this.#isHeld) await this.#renew();
    try {
      await this.#put(key, entry);
    } catch (error) {
      if (!isLeaseUnknown(error)) throw error;
      await this.#renew();
      await this.#put(key, entry);
    }
    entry.isKnown = true;
    this.#timer ??= this.#schedule(this.#ttlMs / 3);
  }

  async #remove(key: string): Promise<void> {
    if (!this.#entries.delete(key)) return;
    this.#leftovers.add(key);
    // It might be putting this key again.
    await this.#beat;
    await this.#sweep().catch(logLeftovers);
  }

  /** What could not be deleted is tried again with each renewal: the lease that keeps it may live on. */
  async #sweep(): Promise<void> {
    for (const key of this.#leftovers) {
      await this.#connection.call('DeleteRange', { key: Buffer.from(key) });
      this.#leftovers.delete(key);
    }
  }

  #schedule(delayMs: number): NodeJS.Timeout {
    return setTimeout(
      () => void (this.#beat ??= this.#renewAll().finally(() => (this.#beat = undefined))),
      delayMs,
    ).unref();
  }

  async #renewAll(): Promise<void> {
    try {
      await this.#renew();
      for (const [key, entry] of this.#entries) await this.#restore(key, entry);
      await this.#sweep();
      if (this.#isFailing) log.write('info', {}, 'the lease of etcd discovery is renewed again');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing)
        log.write('error', { err: error }, 'the lease of etcd discovery can not be renewed; trying again');
      this.#isFailing = true;
    }
    const interval = this.#ttlMs / 3;
    this.#timer = this.#schedule(this.#isFailing ? Math.min(RETRY_MS, interval) : interval);
  }

  /** Several may want it at once: the first endpoints of a process. */
  #renew(): Promise<void> {
    return (this.#renewing ??= this.#renewOnce().finally(() => (this.#renewing = undefined)));
  }

  async #renewOnce(): Promise<void> {
    const asked = now();
    let ttl = this.#isHeld ? await this.#connection.keepAlive(this.id) : 0;
    if (ttl === 0) {
      const wasHeld = this.#isHeld;
      this.#isHeld = false;
      ttl = await this.#grant();
      this.#isHeld = true;
      if (wasHeld)
        log.write('warn', { lease: this.id.toString(16) }, 'the lease of etcd discovery had ended and was taken again');
    }
    this.#ttlMs = ttl * 1_000;
    clearTimeout(this.#expiry);
    // From when it was asked for: etcd counts from later on.
    const left = asked * 1_000 + this.#ttlMs - now() * 1_000;
    this.#expiry = setTimeout(() => this.#expire(), left).unref();
  }

  async #grant(): Promise<number> {
    const ID = this.id.toString();
    try {
      const { TTL } = await this.#connection.call('LeaseGrant', { ID, TTL: String(this.#options.ttlSeconds) });
      return Number(TTL);
    } catch (error) {
      // It was granted before, and the answer was lost.
      if (!isPreconditionFailed(error)) throw error;
      return this.#connection.keepAlive(this.id);
    }
  }

  #expire(): void {
    if (this.#entries.size === 0) return;
    log.write('warn', {}, 'the lease of etcd discovery is over unrenewed: new requesters do not find this process');
    for (const entry of this.#entries.values()) tell(entry, false);
  }

  async #restore(key: string, entry: Entry): Promise<void> {
    if (entry.isKnown === undefined) return;
    const { kvs } = await this.#connection.call('Range', { key: Buffer.from(key) });
    if (kvs.length === 0 && this.#entries.get(key) === entry) {
      await this.#put(key, entry);
      log.write(
        'warn',
        { key },
        'the key of an instance had vanished and was put again: others find this process as before',
      );
    }
    tell(entry, true);
  }

  /** Puts a key that is not there. @throws PROFILED_TARGET_INVALID if it is there and another process' */
  async #put(key: string, { value }: Entry): Promise<void> {
    const name = Buffer.from(key);
    const lease = this.id.toString();
    const { succeeded, responses } = await this.#connection.call('Txn', {
      compare: [{ target: 'VERSION', key: name, version: 0 }],
      success: [{ request_put: { key: name, value, lease } }],
      failure: [{ request_range: { key: name } }],
    });
    if (!succeeded && responses[0]?.response_range?.kvs[0]?.lease !== lease) throw taken(key);
  }
}

function tell(entry: Entry, isKnown: boolean): void {
  if (entry.isKnown === undefined || entry.isKnown === isKnown) return;
  entry.isKnown = isKnown;
  entry.listener?.(isKnown);
}

function taken(key: string): ProfiledError {
  return new ProfiledError('PROFILED_TARGET_INVALID', `the instance ${key} is already registered`);
}

function logLeftovers(error: unknown): void {
  log.write(
    'warn',
    { err: error },
    `the keys of this process can not be deleted: ${messageOf(error)}; others see them until its lease ends`,
  );
}
