import { ProfiledError } from '../errors';
import type { Discovery, Instance, InstanceChange, InstanceFilter, Registration, Watch } from './discovery';
import { instanceKey, picks, randomInstanceId } from './instance';

interface Watcher {
  readonly filter: InstanceFilter;
  readonly listener: (change: InstanceChange) => void;
}

interface Directory {
  readonly instances: Map<string, Instance>;
  readonly watchers: Set<Watcher>;
}

const DIRECTORY = Symbol.for('profiled/memory-discovery@1');

/** The one directory of the process: every runtime with this backend sees the same instances. */
const directory: Directory = ((globalThis as Record<symbol, unknown>)[DIRECTORY] ??= {
  instances: new Map(),
  watchers: new Set(),
} satisfies Directory) as Directory;

/** Discovery within this process. There is no lease to lose: an instance stays until it is taken back. */
export class MemoryDiscovery implements Discovery {
  readonly #id = randomInstanceId();
  readonly #registrations = new Set<Registration>();
  readonly #watches = new Set<Watch>();
  #closed = false;

  async instanceId(): Promise<bigint> {
    return this.#id;
  }

  async register(instance: Instance): Promise<Registration> {
    this.#checkOpen();
    const key = instanceKey(instance);
    if (directory.instances.has(key)) {
      throw new ProfiledError('PROFILED_TARGET_INVALID', `the instance ${key} is already registered`);
    }
    const known = Object.freeze({ ...instance, transport: Object.freeze({ ...instance.transport }) });
    directory.instances.set(key, known);
    tell({ type: 'put', instance: known });
    const registration: Registration = {
      unregister: async () => {
        if (this.#registrations.delete(registration) && directory.instances.delete(key)) {
          tell({ type: 'delete', instance: known });
        }
      },
    };
    this.#registrations.add(registration);
    return registration;
  }

  async watch(filter: InstanceFilter, listener: (change: InstanceChange) => void): Promise<Watch> {
    this.#checkOpen();
    const watcher: Watcher = { filter, listener };
    directory.watchers.add(watcher);
    const snapshot = [...directory.instances.values()].filter((instance) => picks(filter, instance));
    const watch: Watch = {
      snapshot,
      close: () => {
        directory.watchers.delete(watcher);
        this.#watches.delete(watch);
      },
    };
    this.#watches.add(watch);
    return watch;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.close();
    await Promise.all([...this.#registrations].map((registration) => registration.unregister()));
  }

  #checkOpen(): void {
    if (this.#closed) throw new ProfiledError('PROFILED_SHUTDOWN', 'discovery is closed');
  }
}

/** Asynchronously, as any other backend does it: a listener never runs inside of `register`. */
function tell(change: InstanceChange): void {
  for (const watcher of directory.watchers) {
    if (!picks(watcher.filter, change.instance)) continue;
    queueMicrotask(() => {
      if (directory.watchers.has(watcher)) watcher.listener(change);
    });
  }
}
