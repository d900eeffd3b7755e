import { randomBytes } from 'node:crypto';
import { ProfiledError } from '../../errors';
import type { OnRequest, RequestServer, ServedTarget, ServeTarget } from '../transport';
import { hub } from './hub';

/** Serves targets to this process, under `memory:<12 hex digits>/<instance id hex>/<namespace>/<component>/<endpoint>`. */
export class MemoryRequestServer implements RequestServer {
  readonly #host = `memory:${randomBytes(6).toString('hex')}`;
  readonly #addresses = new Set<string>();
  #closed = false;

  async serve(target: ServeTarget, onRequest: OnRequest): Promise<ServedTarget> {
    const { namespace, component, endpoint, instanceId } = target;
    const address = [this.#host, instanceId.toString(16), namespace, component, endpoint].join('/');
    if (this.#closed)
      throw new ProfiledError('PROFILED_SHUTDOWN', `${address} can not be served: the server is closed`);
    if (this.#addresses.has(address)) {
      throw new ProfiledError('PROFILED_TARGET_INVALID', `${address} is already served`);
    }
    this.#addresses.add(address);
    hub.targets.set(address, onRequest);
    return { address, stop: async () => this.#remove(address) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const address of this.#addresses) this.#remove(address);
  }

  #remove(address: string): void {
    if (this.#addresses.delete(address)) hub.targets.delete(address);
  }
}
