import type { Discovery, Instance, InstanceChange, InstanceFilter, Watch } from '../discovery/discovery';
import { ProfiledError } from '../errors';
import { now } from '../internal/clock';
import type { AddressKind } from '../transports/transport';

/** The instances of one endpoint that are known now, in the order of their ids. */
export class InstanceSet {
  readonly #instances = new Map<bigint, Instance>();
  /** Until when an instance that failed is avoided, on the clock of `now`. */
  readonly #avoidedUntil = new Map<bigint, number>();
  /** Told after each change, and once on close. */
  readonly #listeners = new Set<() => void>();
  #sorted: readonly Instance[] | undefined;
  #watch: Watch | undefined;
  #closed = false;

  private constructor(private readonly kind: AddressKind) {}

  /** Begins to follow the instances that are reached over `kind`; others are none of this process' business. Close it. */
  static async open(discovery: Discovery, filter: InstanceFilter, kind: AddressKind): Promise<InstanceSet> {
    const set = new InstanceSet(kind);
    set.#watch = await discovery.watch(filter, (change) => set.#apply(change));
    for (const instance of set.#watch.snapshot) set.#apply({ type: 'put', instance });
    return set;
  }

  get list(): readonly Instance[] {
    return (this.#sorted ??= [...this.#instances.values()].sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1)));
  }

  /** Those that did not fail lately, or all of them if every one did. */
  get eligible(): readonly Instance[] {
    if (this.#avoidedUntil.size === 0) return this.list;
    const time = now();
    for (const [id, until] of this.#avoidedUntil) if (until <= time) this.#avoidedUntil.delete(id);
    const eligible = this.list.filter(({ instanceId }) => !this.#avoidedUntil.has(instanceId));
    return eligible.length > 0 ? eligible : this.list;
  }

  /** Leaves an instance out of {@link eligible} for some milliseconds; 0 does nothing. */
  avoid(id: bigint, ms: number): void {
    if (ms > 0) this.#avoidedUntil.set(id, now() + ms / 1_000);
  }

  get(id: bigint): Instance | undefined {
    return this.#instances.get(id);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Resolves when there is one at least. @throws PROFILED_SHUTDOWN on close, the signal's reason on abort */
  waitForAny(signal?: AbortSignal): Promise<readonly Instance[]> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (signal?.aborted) finish(() => reject(signal.reason as Error));
        else if (this.#closed) finish(() => reject(new ProfiledError('PROFILED_SHUTDOWN', 'the client is closed')));
        else if (this.#instances.size > 0) finish(() => resolve(this.list));
      };
      this.#listeners.add(check);
      const finish = (settle: () => void) => {
        this.#listeners.delete(check);
        signal?.removeEventListener('abort', check);
        settle();
      };
      signal?.addEventListener('abort', check);
      check();
    });
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#tell();
  }

  #apply({ type, instance }: InstanceChange): void {
    if (instance.transport.kind !== this.kind) return;
    if (type === 'put') this.#instances.set(instance.instanceId, instance);
    else this.#instances.delete(instance.instanceId);
    this.#sorted = undefined;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
