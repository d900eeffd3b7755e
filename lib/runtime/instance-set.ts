import type { Discovery, Instance, InstanceChange, InstanceFilter, Watch } from '../discovery/discovery';
import { ProfiledError } from '../errors';

/** The instances of one endpoint that are known now, in the order of their ids. */
export class InstanceSet {
  readonly #instances = new Map<bigint, Instance>();
  /** Told after each change, and once on close. */
  readonly #listeners = new Set<() => void>();
  #sorted: readonly Instance[] | undefined;
  #watch: Watch | undefined;
  #closed = false;

  private constructor() {}

  /** Begins to follow discovery. Close it. */
  static async open(discovery: Discovery, filter: InstanceFilter): Promise<InstanceSet> {
    const set = new InstanceSet();
    set.#watch = await discovery.watch(filter, (change) => set.#apply(change));
    for (const instance of set.#watch.snapshot) set.#instances.set(instance.instanceId, instance);
    return set;
  }

  get list(): readonly Instance[] {
    return (this.#sorted ??= [...this.#instances.values()].sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1)));
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
    if (type === 'put') this.#instances.set(instance.instanceId, instance);
    else this.#instances.delete(instance.instanceId);
    this.#sorted = undefined;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
