import { setImmediate } from 'node:timers';
import { ProfiledError } from '../errors';
import { deferred } from '../internal/deferred';
import type { RequestHeaders } from '../transports/transport';
import { ACCEPTED, refusal, type REFUSALS } from '../wire/ack';
import { drain, type DrainOptions } from './drain';
import type { Ingress } from './ingress';
import type { Dial, PayloadRun } from './payload-handler';

/** How much one endpoint takes on. */
export interface AdmissionOptions {
  /**
   * Requests under way at once, 1 or more; one more is refused with `Server overloaded:`, which tells clients to try another
   * worker. @default no limit
   */
  readonly maxConcurrentRequests?: number | undefined;
}

/**
 * The door of one served endpoint: takes or refuses each payload by its acknowledgement, and knows what is under way.
 * Refused requests never reach the handler and are in none of its metrics; the request plane's count them.
 */
export class Admission {
  readonly #ingress: Ingress<never>;
  readonly #dial: Dial;
  readonly #limit: number;
  readonly #withdrawCapacity: (() => void) | undefined;
  /** What it has seen so far; `TargetStats` says what each is. */
  readonly totals = { requests: 0, errors: 0, lastError: '', processingNanos: 0 };
  readonly #runs = new Set<PayloadRun>();
  #idle = deferred();
  #draining: Promise<void> | undefined;

  /** To be drained, so that its limit is no longer shown. @throws PROFILED_CONFIG_INVALID for a limit that is none */
  constructor(ingress: Ingress<never>, dial: Dial, { maxConcurrentRequests: limit = Infinity }: AdmissionOptions = {}) {
    if (!(limit >= 1)) {
      const expected = 'must be a number of requests, 1 or more';
      throw new ProfiledError('PROFILED_CONFIG_INVALID', `\`maxConcurrentRequests\` ${expected}, got ${String(limit)}`);
    }
    this.#ingress = ingress;
    this.#dial = dial;
    this.#limit = limit;
    if (limit !== Infinity) this.#withdrawCapacity = ingress.plane.addCapacity(limit);
  }

  /** Requests under way, those whose acknowledgement is not sent yet included. */
  get running(): number {
    return this.#runs.size;
  }

  /** The `OnRequest` of a request server. The request begins in a later turn of the event loop, after its acknowledgement. */
  readonly accept = async (payload: Uint8Array, headers: RequestHeaders): Promise<Uint8Array> => {
    this.totals.requests += 1;
    if (this.#draining) return this.#refuse('unavailable', 'draining');
    if (this.#runs.size >= this.#limit) return this.#refuse('overloaded', 'worker at capacity');
    const run = this.#ingress.openRun(headers);
    this.#runs.add(run);
    setImmediate(() => void this.#execute(run, payload));
    return ACCEPTED;
  };

  /**
   * Refuses new requests from now on and resolves when none is under way: see {@link drain}. Later calls wait for the first,
   * whatever their options.
   */
  drain(options?: DrainOptions): Promise<void> {
    return (this.#draining ??= this.#drain(options));
  }

  async #drain(options: DrainOptions | undefined): Promise<void> {
    await drain({ runs: this.#runs, idle: () => this.#untilIdle() }, options);
    this.#withdrawCapacity?.();
  }

  #refuse(kind: keyof typeof REFUSALS, reason: string): Uint8Array {
    this.#ingress.plane.series()[kind].value += 1;
    this.#failed(reason);
    return refusal(kind, reason);
  }

  async #execute(run: PayloadRun, payload: Uint8Array): Promise<void> {
    await run.execute(payload, this.#dial);
    this.totals.processingNanos += run.seconds * 1e9;
    if (run.failure !== undefined) this.#failed(run.failure);
    this.#runs.delete(run);
    if (this.#runs.size > 0) return;
    this.#idle.resolve();
    this.#idle = deferred();
  }

  #failed(reason: string): void {
    this.totals.errors += 1;
    this.totals.lastError = reason;
  }

  async #untilIdle(): Promise<void> {
    if (this.#runs.size > 0) await this.#idle.promise;
  }
}
