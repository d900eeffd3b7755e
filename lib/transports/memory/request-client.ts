import { messageOf, ProfiledError } from '../../errors';
import { refusal } from '../../wire/ack';
import type { RequestClient, RequestHeaders, SendOptions } from '../transport';
import { hub } from './hub';

/** Sends to any target of this process. */
export class MemoryRequestClient implements RequestClient {
  readonly #underWay = new Set<(error: ProfiledError) => void>();
  #closed = false;

  send(
    address: string,
    payload: Uint8Array,
    headers: RequestHeaders,
    { signal }: SendOptions = {},
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(new ProfiledError('PROFILED_CANCELLED', 'the request was cancelled before its ack'));
      if (signal?.aborted) return onAbort();
      if (this.#closed) return reject(closedError());
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#underWay.add(reject);
      void deliver(address, Uint8Array.from(payload), { ...headers })
        .then(resolve)
        .finally(() => {
          signal?.removeEventListener('abort', onAbort);
          this.#underWay.delete(reject);
        });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const reject of this.#underWay) reject(closedError());
  }
}

/** What the server at `address` answers. Never rejects: a server turns its handler's failure into a refusal. */
async function deliver(address: string, payload: Uint8Array, headers: RequestHeaders): Promise<Uint8Array> {
  const onRequest = hub.targets.get(address);
  if (!onRequest) return refusal('unavailable', `unknown endpoint ${address}`);
  try {
    return Uint8Array.from(await onRequest(payload, headers));
  } catch (error) {
    return refusal('unavailable', messageOf(error));
  }
}

function closedError(): ProfiledError {
  return new ProfiledError('PROFILED_SHUTDOWN', 'the request client is closed');
}
