import { health } from '../server/health';

/** Whether requesters find one served endpoint, as `/health` has it. */
export class Presence {
  #isKnown = false;
  #hasEnded = false;

  constructor(
    private readonly endpoint: string,
    private readonly workerId: string,
  ) {}

  /** Until {@link end}, discovery's word holds: a lease may be lost and taken again. */
  readonly set = (isKnown: boolean): void => {
    if (this.#hasEnded || isKnown === this.#isKnown) return;
    this.#isKnown = isKnown;
    if (isKnown) health.endpointServed(this.endpoint, this.workerId);
    else health.endpointStopped(this.endpoint);
  };

  /** The endpoint takes no more requests. */
  end(): void {
    this.set(false);
    this.#hasEnded = true;
  }
}
