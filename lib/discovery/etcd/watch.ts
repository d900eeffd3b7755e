import { messageOf } from '../../errors';
import { now } from '../../internal/clock';
import { log } from '../../internal/logger';
import type { Instance, InstanceChange, InstanceFilter } from '../discovery';
import { decodeRecord, isSameInstance } from '../file-record';
import { picks } from '../instance';
import type { EtcdConnection, WatchStream } from './connection';
import { PREFIX, prefixOf, rangeOf } from './keys';
import type { KeyValue, WatchResponse } from './protocol';

/** Pauses between attempts while etcd is away, in milliseconds: the first, and the longest. Each is up to half shorter, by chance. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Follows the instances of one filter: a listing, then a watch from its revision on. When the watch ends, be it that etcd is away,
 * that it was compacted or that it let go of the watch, the same begins again, and the differences between what was known and
 * what is listed are told. Meanwhile everything stays known.
 */
export class EtcdWatch {
  readonly #connection: EtcdConnection;
  readonly #filter: InstanceFilter;
  readonly #listener: (change: InstanceChange) => void;
  readonly #ttlMs: number;
  readonly #known = new Map<string, Instance>();
  /** Keys whose values can not be read, with the revision at which that was logged. */
  readonly #unreadable = new Map<string, string>();
  #revision = 0n;
  /** Until when instances that are not listed stay, on the clock of `now`: etcd has lost its data, and they will register again. */
  #patientUntil = 0;
  #stream: WatchStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #isReady = false;
  #isClosed = false;
  #isFailing = false;

  /** `ttlMs` is how long the lease of an instance may be. */
  constructor(
    connection: EtcdConnection,
    filter: InstanceFilter,
    listener: (change: InstanceChange) => void,
    ttlMs: number,
  ) {
    this.#connection = connection;
    this.#filter = filter;
    this.#listener = listener;
    this.#ttlMs = ttlMs;
  }

  /** Begins. Resolves to what is there; what changes after that is told. @throws PROFILED_UNAVAILABLE, PROFILED_CONFIG_INVALID */
  async start(): Promise<Instance[]> {
    await this.#list();
    this.#isReady = true;
    void this.#follow();
    return [...this.#known.values()];
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#wake?.();
    this.#stream?.cancel();
  }

  async #follow(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    let isListed = true;
    while (!this.#isClosed) {
      const began = now();
      try {
        if (!isListed) await this.#list();
        if (this.#isFailing) log.write('info', {}, 'etcd discovery follows the instances of others again');
        this.#isFailing = false;
        await this.#watch();
      } catch (error) {
        this.#fail(error);
      }
      if (this.#isClosed) return;
      isListed = false;
      if (now() - began > LONGEST_PAUSE_MS / 1_000) pause = FIRST_PAUSE_MS;
      await this.#sleep(pause * (1 - Math.random() / 2));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Resolves when the watch has to begin again for a reason that is no failure. */
  async #watch(): Promise<void> {
    const request = { ...rangeOf(prefixOf(this.#filter)), start_revision: String(this.#revision + 1n) };
    let restart!: () => void;
    const isOver = new Promise<void>((resolve) => (restart = resolve));
    const stream = await this.#connection.watch(request, (response) => {
      if (this.#isClosed) return;
      this.#revision = BigInt(response.header.revision);
      if (response.canceled) {
        log.write('debug', { reason: response.cancel_reason }, 'etcd ended a watch; it begins again with a listing');
        return restart();
      }
      this.#apply(response);
    });
    if (this.#isClosed) return stream.cancel();
    this.#stream = stream;
    const patience = (this.#patientUntil - now()) * 1_000;
    if (patience > 0) this.#timer = setTimeout(restart, patience).unref();
    try {
      await Promise.race([isOver, stream.ended]);
    } finally {
      clearTimeout(this.#timer);
      stream.cancel();
    }
  }

  async #list(): Promise<void> {
    const { header, kvs } = await this.#connection.call('Range', rangeOf(prefixOf(this.#filter)));
    if (this.#isClosed) return;
    const revision = BigInt(header.revision);
    if (revision < this.#revision) {
      log.write('warn', {}, 'etcd has lost its data; instances stay known until they had time to register again');
      this.#patientUntil = now() + this.#ttlMs / 1_000;
    }
    this.#revision = revision;
    const gone = new Set(this.#known.keys());
    for (const kv of kvs) {
      gone.delete(kv.key.toString());
      this.#put(kv);
    }
    if (now() >= this.#patientUntil) for (const key of gone) this.#delete(key);
  }

  #apply({ events }: WatchResponse): void {
    for (const { type, kv } of events) {
      if (type === 'PUT') this.#put(kv);
      else this.#delete(kv.key.toString());
    }
  }

  #put(kv: KeyValue): void {
    const key = kv.key.toString();
    const instance = this.#read(key, kv);
    if (!instance || !picks(this.#filter, instance)) return this.#delete(key);
    const before = this.#known.get(key);
    this.#known.set(key, instance);
    if (!before || !isSameInstance(before, instance)) this.#tell({ type: 'put', instance });
  }

  #delete(key: string): void {
    const instance = this.#known.get(key);
    if (this.#known.delete(key)) this.#tell({ type: 'delete', instance: instance! });
    this.#unreadable.delete(key);
  }

  /** Undefined for what can not be read, which is logged once, and for what is not for us. */
  #read(key: string, { value, mod_revision }: KeyValue): Instance | undefined {
    try {
      return decodeRecord(key, value.toString(), (name) => PREFIX + name);
    } catch (error) {
      if (this.#unreadable.get(key) !== mod_revision) {
        log.write('warn', { key, reason: messageOf(error) }, 'a value in etcd is no record of an instance');
      }
      this.#unreadable.set(key, mod_revision);
      return undefined;
    }
  }

  #tell(change: InstanceChange): void {
    if (this.#isReady && !this.#isClosed) this.#listener(change);
  }

  #fail(error: unknown): void {
    if (this.#isClosed || this.#isFailing) return;
    this.#isFailing = true;
    log.write(
      'error',
      { err: error },
      'etcd discovery can not follow the instances of others; those that are known stay',
    );
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(resolve, ms);
    });
  }
}
