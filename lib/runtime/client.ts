import { randomInt } from 'node:crypto';
import type { Instance } from '../discovery/discovery';
import type { Annotated } from '../engine/annotated';
import type { ResponseStream } from '../engine/response-stream';
import { type ErrorCode, ProfiledError } from '../errors';
import { show } from '../metrics/labels';
import { type CallLimits, type CallOptions, callInstance, checkTimeLimit, resolveLimits } from './call';
import { InstanceSet } from './instance-set';
import type { Planes } from './planes';
import type { Endpoint } from './target';

/** Settings of one client: how long each stage of a call may take, and how long a failure is remembered. */
export interface ClientOptions extends Partial<CallLimits> {
  /**
   * How long `random` and `roundRobin` avoid an instance that could not be reached, refused the request, let a time limit pass or
   * broke off its stream, in milliseconds; 0 = not at all. When every instance has failed, all are tried again. `direct` does not care.
   * @default DYN_RUNTIME_INHIBITED_DURATION_SECS, else 5000
   */
  readonly inhibitedMs?: number;
}

/** Failures that say something of the instance and not of the request. */
const INSTANCE_FAILURES: readonly ErrorCode[] = [
  'PROFILED_DISCONNECTED',
  'PROFILED_TIMEOUT',
  'PROFILED_REQUEST_REJECTED',
];

/** How long to wait for an instance. */
export interface WaitOptions {
  /** In milliseconds, at most 2147483647. @default no limit */
  readonly timeoutMs?: number;
  /** Gives the wait up with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Calls one endpoint, whichever processes serve it. Each call resolves when the worker has begun to answer, to a stream of
 * {@link Annotated} items that has to be iterated, left by `break`, or killed through its context.
 *
 * Every call rejects with PROFILED_NO_INSTANCES, PROFILED_REQUEST_REJECTED if the worker refused it, PROFILED_REMOTE_ERROR if its
 * handler failed before the stream began, PROFILED_MESSAGE_INVALID if the request has no JSON form or is too large, or if what the
 * worker sent first is no prologue, PROFILED_TIMEOUT, PROFILED_DISCONNECTED, PROFILED_CANCELLED or PROFILED_SHUTDOWN; the first
 * one also with PROFILED_PORT_IN_USE and its like if this process can not listen for responses.
 * A failure after that comes as an error item, the last one.
 */
export class Client<T = unknown, U = unknown> implements Disposable {
  readonly endpoint: Endpoint;
  readonly #planes: Planes;
  readonly #instances: InstanceSet;
  readonly #limits: CallLimits;
  readonly #inhibitedMs: number;
  readonly #onClose: () => void;
  #next = 0;

  private constructor(
    endpoint: Endpoint,
    planes: Planes,
    instances: InstanceSet,
    { inhibitedMs = 5_000, ...limits }: ClientOptions,
    onClose: () => void,
  ) {
    this.endpoint = endpoint;
    this.#planes = planes;
    this.#instances = instances;
    this.#limits = resolveLimits(limits);
    this.#inhibitedMs = inhibitedMs;
    this.#onClose = onClose;
  }

  /** For the runtime; users call `endpoint.client()`. @throws PROFILED_CONFIG_INVALID for a limit that is none */
  static async open<T, U>(
    planes: Planes,
    endpoint: Endpoint,
    options: ClientOptions,
    onClose: () => void,
  ): Promise<Client<T, U>> {
    resolveLimits(options);
    checkInhibited(options.inhibitedMs);
    const { namespace, component, endpoint: name } = endpoint;
    const instances = await InstanceSet.open(
      planes.discovery,
      { namespace, component, endpoint: name },
      planes.request.kind,
    );
    return new Client(endpoint, planes, instances, options, onClose);
  }

  /** What discovery knows now, in the order of ids. */
  get instances(): readonly Instance[] {
    return this.#instances.list;
  }

  /** Resolves when there is an instance to call. @throws PROFILED_TIMEOUT, PROFILED_SHUTDOWN, PROFILED_CONFIG_INVALID, or the reason of `signal` */
  async waitForInstances({ timeoutMs, signal }: WaitOptions = {}): Promise<readonly Instance[]> {
    if (timeoutMs === undefined) return this.#instances.waitForAny(signal);
    // What is left of a deadline may be nothing.
    checkTimeLimit('timeoutMs', Math.max(timeoutMs, 1));
    const limit = new AbortController();
    const late = () =>
      limit.abort(new ProfiledError('PROFILED_TIMEOUT', `no instance of ${this.endpoint.path} after ${timeoutMs} ms`));
    // Not by `AbortSignal.any`: what it makes stays with a signal that outlives the wait.
    const giveUp = () => limit.abort(signal?.reason);
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    const timer = setTimeout(late, timeoutMs);
    try {
      return await this.#instances.waitForAny(limit.signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Calls any instance, all equally likely. */
  async random(request: T, options?: CallOptions): Promise<ResponseStream<Annotated<U>>> {
    const known = this.#any();
    return this.#call(known[randomInt(known.length)]!, request, options);
  }

  /** Calls the instances in turn. */
  async roundRobin(request: T, options?: CallOptions): Promise<ResponseStream<Annotated<U>>> {
    const known = this.#any();
    return this.#call(known[this.#next++ % known.length]!, request, options);
  }

  /** Calls the instance with this id. @throws PROFILED_NO_INSTANCES if it is not known; otherwise as any call */
  async direct(request: T, instanceId: bigint, options?: CallOptions): Promise<ResponseStream<Annotated<U>>> {
    const instance = this.#instances.get(instanceId);
    if (!instance) throw this.#none(`instance ${show(instanceId)} of ${this.endpoint.path} is not known`);
    return this.#call(instance, request, options);
  }

  /** Stops following discovery: calls reject from now on, streams that have begun go on. Idempotent. */
  close(): void {
    this.#instances.close();
    this.#onClose();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #any(): readonly Instance[] {
    const known = this.#instances.eligible;
    if (known.length === 0 || this.#instances.isClosed)
      throw this.#none(`no instance of ${this.endpoint.path} is known`);
    return known;
  }

  #none(text: string): ProfiledError {
    if (this.#instances.isClosed)
      return new ProfiledError('PROFILED_SHUTDOWN', `the client of ${this.endpoint.path} is closed`);
    return new ProfiledError('PROFILED_NO_INSTANCES', `${text}; \`await client.waitForInstances()\` waits for one`);
  }

  async #call(instance: Instance, request: T, options: CallOptions = {}): Promise<ResponseStream<Annotated<U>>> {
    const avoid = () => this.#instances.avoid(instance.instanceId, this.#inhibitedMs);
    try {
      return await callInstance<U>(this.#planes, this.#limits, instance, request, options, avoid);
    } catch (error) {
      if (ProfiledError.is(error) && INSTANCE_FAILURES.includes(error.code)) avoid();
      throw error;
    }
  }
}

function checkInhibited(ms: number | undefined): void {
  if (ms === undefined || ms >= 0) return;
  throw new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    `\`inhibitedMs\` must be 0 or more milliseconds, got ${String(ms)}`,
  );
}
