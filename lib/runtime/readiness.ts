import { health } from '../server/health';

/** What can stand between a served endpoint and its requests: discovery does not show it, the plane does not reach it, it has ended. */
export type Hindrance = 'unknown' | 'unreachable' | 'stopped';

/** Tells the process' health of one endpoint: it is ready while nothing hinders it. */
export class Readiness {
  readonly #endpoint: string;
  readonly #workerId: string;
  /** Nobody knows of it at first. */
  readonly #hindrances = new Set<Hindrance>(['unknown']);

  constructor(endpoint: string, workerId: string) {
    this.#endpoint = endpoint;
    this.#workerId = workerId;
  }

  /** Notes that `hindrance` is there or is gone. Repeating it changes nothing. */
  note(hindrance: Hindrance, isThere: boolean): void {
    const wasReady = this.#hindrances.size === 0;
    if (isThere) this.#hindrances.add(hindrance);
    else this.#hindrances.delete(hindrance);
    const isReady = this.#hindrances.size === 0;
    if (isReady && !wasReady) health.endpointServed(this.#endpoint, this.#workerId);
    if (!isReady && wasReady) health.endpointStopped(this.#endpoint);
  }
}
