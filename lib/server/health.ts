import { type HealthStatus, settings } from '../config/settings';
import { now } from '../internal/clock';

/** The time since the system server first started, split as Dynamo's health report has it. */
export interface Uptime {
  readonly nanos: number;
  readonly secs: number;
}

/** The body of the health path: compact JSON, keys in alphabetical order. */
export interface HealthReport {
  readonly endpoints: Readonly<Record<string, HealthStatus>>;
  readonly status: HealthStatus;
  readonly uptime: Uptime;
}

interface EndpointState {
  served: number;
  stopped: number;
}

/**
 * Whether this process should get requests. The rule, first match wins:
 *
 * 1. A status given by {@link Health.setStatus} holds.
 * 2. As long as no endpoint has been served, the starting status holds (`DYN_SYSTEM_STARTING_HEALTH_STATUS`).
 * 3. `ready` while every endpoint that was ever served is being served, else `notready`.
 *
 * An endpoint that stopped stays in the report as `notready`, so that a drained worker gets no new requests; serving it again
 * makes it `ready`. Two endpoints of one name share an entry, which is `ready` while neither has stopped.
 */
export class Health {
  readonly #endpoints = new Map<string, EndpointState>();
  #status: HealthStatus | undefined;
  #startedAt: number | undefined;
  #workerId: string | undefined;

  /** The id of the worker that served an endpoint last, in hexadecimal; undefined before the first. */
  get workerId(): string | undefined {
    return this.#workerId;
  }

  /** Notes that the endpoint takes requests from now on, and who serves it. */
  endpointServed(name: string, workerId?: string): void {
    this.#workerId = workerId ?? this.#workerId;
    const state = this.#endpoints.get(name) ?? { served: 0, stopped: 0 };
    if (state.stopped > 0) state.stopped -= 1;
    state.served += 1;
    this.#endpoints.set(name, state);
  }

  /** Notes that the endpoint takes no more requests. Call it once for each {@link endpointServed}, when its drain begins. */
  endpointStopped(name: string): void {
    const state = this.#endpoints.get(name);
    if (!state || state.served === 0) return;
    state.served -= 1;
    state.stopped += 1;
  }

  /** Sets the process' status whatever its endpoints do; `undefined` lets the endpoints decide again. */
  setStatus(status: HealthStatus | undefined): void {
    this.#status = status;
  }

  /** Starts the uptime. The first call counts: a server that is stopped and started again goes on counting. */
  markStarted(): void {
    this.#startedAt ??= now();
  }

  /** Seconds since {@link markStarted}, 0 before it. */
  uptimeSeconds(): number {
    return this.#startedAt === undefined ? 0 : now() - this.#startedAt;
  }

  uptime(): Uptime {
    const seconds = this.uptimeSeconds();
    const secs = Math.floor(seconds);
    return { nanos: Math.floor((seconds - secs) * 1e9), secs };
  }

  /** What the health path answers. @param starting the status of rule 2 */
  report(starting: HealthStatus = settings().system.startingHealthStatus): HealthReport {
    const names = [...this.#endpoints.keys()].sort();
    const endpoints = names.map((name) => [name, this.#endpointStatus(name)] as const);
    const fromEndpoints = endpoints.every(([, status]) => status === 'ready') ? 'ready' : 'notready';
    return {
      endpoints: Object.fromEntries(endpoints),
      status: this.#status ?? (endpoints.length === 0 ? starting : fromEndpoints),
      uptime: this.uptime(),
    };
  }

  #endpointStatus(name: string): HealthStatus {
    return this.#endpoints.get(name)?.stopped === 0 ? 'ready' : 'notready';
  }
}

const SHARED = Symbol.for('profiled/health@1');

/** The health of this process, shared by every copy of the package in it. */
export const health: Health = ((globalThis as Record<symbol, unknown>)[SHARED] ??= new Health()) as Health;
