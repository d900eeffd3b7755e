import type { Registration } from '../discovery/discovery';
import { messageOf } from '../errors';
import { Admission, type AdmissionOptions } from '../ingress/admission';
import type { DrainOptions } from '../ingress/drain';
import { Ingress } from '../ingress/ingress';
import { log } from '../internal/logger';
import type { ServedTarget } from '../transports/transport';
import type { Servable } from './host';
import type { Planes } from './planes';
import { Readiness } from './readiness';
import type { Endpoint } from './target';

/** Settings of one served endpoint. */
export interface ServeOptions extends AdmissionOptions {
  /** How long `stop` lets running requests finish by itself, in milliseconds. @default DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT, else 30000 */
  readonly drainDeadlineMs?: number | undefined;
  /** Constant labels for the standard metrics, beside those of the ingress. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * What the endpoint has to say of itself, of JSON: `data` in the answer to `$SRV.STATS` of the NATS request plane. Called for each
   * answer; one that throws is logged. No other plane asks.
   */
  readonly statsHandler?: (() => unknown) | undefined;
}

/** An endpoint that takes requests, until it is stopped. */
export class ServedEndpoint implements AsyncDisposable {
  readonly endpoint: Endpoint;
  /** This worker's id, a u64; the same for all endpoints of a runtime. */
  readonly instanceId: bigint;
  /** Where requesters send to, as discovery shows it. */
  readonly address: string;
  readonly #admission: Admission;
  readonly #drainDeadlineMs: number | undefined;
  readonly #target: ServedTarget;
  readonly #registration: Registration;
  readonly #readiness: Readiness;
  readonly #onStopped: () => void;
  #stopping: Promise<void> | undefined;

  /** Not for users: see {@link serveEndpoint}. */
  constructor(parts: ServedParts, onStopped: () => void) {
    this.endpoint = parts.endpoint;
    this.instanceId = parts.instanceId;
    this.address = parts.target.address;
    this.#admission = parts.admission;
    this.#drainDeadlineMs = parts.drainDeadlineMs;
    this.#target = parts.target;
    this.#registration = parts.registration;
    this.#readiness = parts.readiness;
    this.#onStopped = onStopped;
  }

  /** Requests under way. */
  get running(): number {
    return this.#admission.running;
  }

  /**
   * Drains: leaves discovery, refuses new requests with `Server unavailable: draining`, lets running ones finish until the
   * deadline, then stops them, then kills them, and takes the address off. Later calls wait for the first. Never rejects.
   */
  stop(options?: DrainOptions): Promise<void> {
    return (this.#stopping ??= this.#stop(options));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(options: DrainOptions | undefined): Promise<void> {
    this.#readiness.note('stopped', true);
    await this.#registration.unregister();
    await this.#admission.drain({ ...options, deadlineMs: options?.deadlineMs ?? this.#drainDeadlineMs });
    await this.#target.stop();
    this.#onStopped();
  }
}

interface ServedParts {
  readonly endpoint: Endpoint;
  readonly instanceId: bigint;
  readonly admission: Admission;
  readonly drainDeadlineMs: number | undefined;
  readonly target: ServedTarget;
  readonly registration: Registration;
  readonly readiness: Readiness;
}

/**
 * Serves `servable` at `endpoint`: its metrics first, then the transport, then discovery, so that nobody finds what can't be
 * reached. `onStopped` is called when its drain is over.
 */
export async function serveEndpoint<T>(
  planes: Planes,
  endpoint: Endpoint,
  servable: Servable<T>,
  options: ServeOptions,
  onStopped: () => void,
): Promise<ServedEndpoint> {
  const ingress = servable instanceof Ingress ? servable : Ingress.forEngine(servable);
  const instanceId = await planes.discovery.instanceId();
  const naming = ingress.naming ?? endpoint.naming;
  const workerLabel: ServeOptions['labels'] = naming === 'dynamo' ? { worker_id: instanceId.toString(16) } : {};
  ingress.addMetrics(endpoint, { ...workerLabel, ...options.labels });
  const dial = planes.response.client.dial.bind(planes.response.client);
  const admission = new Admission(ingress, dial, options);
  const { namespace, component, endpoint: name } = endpoint;
  const address = { namespace, component, endpoint: name, instanceId };
  let target: ServedTarget | undefined;
  try {
    const stats = () => ({ ...admission.totals, data: dataOf(options.statsHandler, endpoint) });
    target = await planes.request.server.serve(address, admission.accept, stats);
    const transport = { kind: planes.request.kind, address: target.address };
    const readiness = new Readiness(name, instanceId.toString(16));
    const onKnown = (isKnown: boolean): void => readiness.note('unknown', !isKnown);
    const registration = await planes.discovery.register({ ...address, transport }, onKnown);
    onKnown(true);
    target.onReachable?.((isReachable) => readiness.note('unreachable', !isReachable));
    const { drainDeadlineMs } = options;
    return new ServedEndpoint(
      { endpoint, instanceId, admission, target, registration, readiness, drainDeadlineMs },
      onStopped,
    );
  } catch (error) {
    await Promise.all([target?.stop(), admission.drain({ deadlineMs: 0 })]);
    throw error;
  }
}

/** What the user's function says, as JSON has it. Never throws. */
function dataOf(statsHandler: ServeOptions['statsHandler'], { path }: Endpoint): unknown {
  if (!statsHandler) return undefined;
  try {
    return JSON.parse(JSON.stringify(statsHandler()) ?? 'null') as unknown;
  } catch (error) {
    log.write('error', { err: error }, `the statsHandler of ${path} failed: ${messageOf(error)}`);
    return undefined;
  }
}
