/** Where the requests of an instance go: which plane, and an address that only that plane understands. */
export interface InstanceTransport {
  readonly kind: 'tcp' | 'nats_tcp' | 'memory';
  readonly address: string;
}

/** One worker serving one endpoint, as discovery makes it known. */
export interface Instance {
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
  /** A u64, beyond 2^53 more often than not: a bigint everywhere, a plain integer in JSON, lower-case hex in keys. */
  readonly instanceId: bigint;
  readonly transport: InstanceTransport;
  /** What the worker would like requests to be written in; absent = `json`. Since Dynamo 1.4. */
  readonly requestPlaneCodec?: 'json' | 'msgpack' | undefined;
}

/** Picks the instances of one endpoint, of a whole component, or of a whole namespace. */
export interface InstanceFilter {
  readonly namespace: string;
  readonly component?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** One change, in the order in which it came about. A put may repeat an instance with another transport. */
export type InstanceChange = { readonly type: 'put' | 'delete'; readonly instance: Instance };

/** An instance that is made known. */
export interface Registration {
  /** Takes it back. The first step of a drain, so that no new requester chooses it. Idempotent, never rejects. */
  unregister(): Promise<void>;
}

/** A running watch. */
export interface Watch {
  /** What was known when the watch began; every change after it goes to the listener. */
  readonly snapshot: readonly Instance[];
  /** Ends it: the listener is not called again. Idempotent. */
  close(): void;
}

/**
 * Makes instances known to requesters and tells of those of others. A backend holds one lease for the process: what it
 * registered disappears when the process does, at the latest after the lease's time to live.
 */
export interface Discovery {
  /**
   * The id under which this process registers its endpoints, always the same one. Asked once by the runtime, before the first
   * endpoint is served: with etcd it is the id of the lease, elsewhere a random u64.
   */
  instanceId(): Promise<bigint>;
  /**
   * Makes `instance` known. Called after its transport serves it. `listener` is told, after this promise has resolved, when others
   * can not find it any more (false), and when they can again (true): a lease was lost, and is there again. It may not throw.
   * @throws PROFILED_TARGET_INVALID if the same instance of the same endpoint is registered, PROFILED_SHUTDOWN after `close`
   */
  register(instance: Instance, listener?: (isKnown: boolean) => void): Promise<Registration>;
  /**
   * Follows the instances that `filter` picks. `listener` is called for each change after the snapshot, never before this
   * promise has resolved; it may not throw.
   * @throws PROFILED_SHUTDOWN after `close`
   */
  watch(filter: InstanceFilter, listener: (change: InstanceChange) => void): Promise<Watch>;
  /** Takes back what is still registered, ends all watches and the lease. Idempotent. */
  close(): Promise<void>;
}
