/**
 * What the rest of the library knows of a transport. Two planes, chosen apart from each other: the *request plane* carries a
 * payload to a worker and an acknowledgement back; the *response plane* is a connection that the worker opens to the requester
 * for the frames of the response. A transport moves bytes and knows nothing of handlers; every one passes the suite in
 * `__tests__/conformance`.
 */

/** Text pairs beside a request, such as `request-id` and `traceparent`. Names in lower case. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** Where a request handler stands. TCP makes a path of it, NATS a subject. */
export interface ServeTarget {
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
  /** The worker's id, a u64. */
  readonly instanceId: bigint;
}

/**
 * Called by a request server once per payload that arrived for its target. Resolves to the acknowledgement, which the server
 * sends at once: it says whether the request is taken, so it may not wait for the request to be processed. Servers whose
 * acknowledgements carry no id (TCP) send them in the order of arrival and wait for this promise meanwhile. Should it reject,
 * the server refuses the request with `Server unavailable:` and the reason.
 */
export type OnRequest = (payload: Uint8Array, headers: RequestHeaders) => Promise<Uint8Array>;

/**
 * Why a request server refused a request that no {@link OnRequest} has seen: nothing is served there, the bytes are no request or too many, the
 * rest of it did not come in time or not at all, or too much is waiting already.
 */
export type Refusal = 'unknown_endpoint' | 'invalid' | 'incomplete' | 'overloaded';

/** Called by a request server once for each of them, if it can know of them. May not throw. */
export type OnRefused = (reason: Refusal) => void;

/** What a target has done so far, for a plane that is asked for it. */
export interface TargetStats {
  /** Requests that arrived, those that were refused included. */
  readonly requests: number;
  /** Those of them that were refused or failed. */
  readonly errors: number;
  /** What the last one of these failed of; empty before the first. */
  readonly lastError: string;
  /** How long requests took to be processed, all together. */
  readonly processingNanos: number;
  /** What the user's own `statsHandler` says, of JSON; undefined if there is none. */
  readonly data: unknown;
}

/** A target that is being served. */
export interface ServedTarget {
  /** What a {@link RequestClient} of the same plane sends to; goes into the discovery record as it is. */
  readonly address: string;
  /**
   * Of a plane that may lose what brings its requests: calls `listener` whenever requests can not arrive any more and when they can
   * again, and at once if they can not now. Called once.
   */
  onReachable?(listener: (isReachable: boolean) => void): void;
  /**
   * Takes the target off. Called once by whoever served it, after its drain; requests that still come are refused with
   * `Server unavailable:`. Does not wait for requests that were accepted. Never rejects.
   */
  stop(): Promise<void>;
}

/** The worker's half of a request plane. One for all targets of a process. */
export interface RequestServer {
  /**
   * Begins to serve a target; the first call opens what the plane listens on. Called when an endpoint is served, before it is
   * announced. `stats` is asked by planes that others ask for statistics, at any time; it may not throw.
   * @throws PROFILED_TARGET_INVALID if the target is already served here or its name is too long; PROFILED_SHUTDOWN after
   * `close`; PROFILED_PORT_IN_USE, PROFILED_PORT_DENIED or PROFILED_LISTEN_FAILED if the plane listens and can not;
   * PROFILED_DISCONNECTED or PROFILED_CONFIG_INVALID if its broker can not be reached or refuses who we are
   */
  serve(target: ServeTarget, onRequest: OnRequest, stats?: () => TargetStats): Promise<ServedTarget>;
  /** Stops all targets and releases what the plane listened on. Idempotent; `serve` rejects afterwards. */
  close(): Promise<void>;
}

/** Settings of one {@link RequestClient.send}. */
export interface SendOptions {
  /** Aborted by the caller at its time limit or when the request is cancelled; `send` then rejects with PROFILED_CANCELLED. */
  readonly signal?: AbortSignal | undefined;
}

/** The requester's half of a request plane. */
export interface RequestClient {
  /**
   * Sends one payload and resolves to its acknowledgement: no bytes, or a refusal that says why. Called by a client after it has
   * told its response server to expect the answer. The payload may not be changed until this settles.
   * @throws PROFILED_DISCONNECTED if the address can not be reached or the connection ended before the acknowledgement, so that
   * it is not known whether the request arrived; PROFILED_CANCELLED after an abort; PROFILED_MESSAGE_INVALID if the request is
   * larger than the plane carries, before anything is sent; PROFILED_CONFIG_INVALID if a broker refuses who we are;
   * PROFILED_SHUTDOWN after `close`
   */
  send(address: string, payload: Uint8Array, headers: RequestHeaders, options?: SendOptions): Promise<Uint8Array>;
  /** Ends pooled connections; sends under way reject. Idempotent. */
  close(): Promise<void>;
}

/** The kinds of address that a discovery record can hold, as upstream spells them; `memory` is ours. */
export type AddressKind = 'tcp' | 'nats_tcp' | 'memory';

/** Both halves of a request plane. Opening one costs nothing; sockets follow on first use. */
export interface RequestPlane {
  readonly kind: AddressKind;
  readonly server: RequestServer;
  readonly client: RequestClient;
}

/** What a requester can say to a worker on the response connection. */
export type ControlSignal = 'stop' | 'kill';

/**
 * What a worker hears from its requester: a word, or `disconnect` when the requester ended the connection or it broke. A word
 * that can not be understood is heard as `kill`, as upstream does. Nothing follows `disconnect`.
 */
export type WorkerEvent = ControlSignal | 'disconnect';

/** The requester's half of the response plane. One for all requests of a process. */
export interface ResponseServer {
  /**
   * Makes ready for one response; the first call opens what the plane listens on. Called before the request is sent. The
   * caller either takes the connection from `connected` or calls `cancel`. @throws PROFILED_SHUTDOWN after `close`;
   * PROFILED_PORT_IN_USE, PROFILED_PORT_DENIED or PROFILED_LISTEN_FAILED if the plane listens and can not
   */
  expect(contextId: string): Promise<PendingResponse>;
  /** Ends all connections and stops listening; pending responses reject with PROFILED_SHUTDOWN. Idempotent. */
  close(): Promise<void>;
}

/** A response that is expected and not connected yet. */
export interface PendingResponse {
  /** Goes into the request's control message: plane and address, with a subject that is used once. */
  readonly connectionInfo: { readonly transport: string; readonly info: string };
  /** Resolves when a worker connected and its handshake named this response. Rejects only after `cancel` or `close`. */
  readonly connected: Promise<ResponseReceiver>;
  /**
   * Gives the response up: `connected` rejects with `reason`, and a worker that dials later is disconnected. After the worker
   * has connected this does nothing.
   */
  cancel(reason: unknown): void;
}

/** The requester's end of a response connection. */
export interface ResponseReceiver {
  /**
   * The next whole two-part frame, prefix included, beginning with the prologue; undefined at the end of the stream, however
   * it came about. Frames come in order. Called by one reader, the next time after the last call settled; the connection's
   * back-pressure is that it is not called.
   * @throws PROFILED_MESSAGE_INVALID if the bytes are no frame; the connection is closed then
   */
  receive(): Promise<Uint8Array | undefined>;
  /**
   * The frame that {@link receive} would resolve to, if it is here already; undefined in every other case, which `receive` tells
   * apart. Optional, and only for speed: a reader that is behind then needs no promise for each frame. Never throws.
   */
  receiveNow?(): Uint8Array | undefined;
  /** Tells the worker to stop or that it is killed; whoever kills calls {@link close} next. Does nothing once the worker is gone. */
  control(signal: ControlSignal): void;
  /**
   * Ends the connection: after the sentinel in order, before it as an abort. Frames that wait are dropped, a `receive` under
   * way resolves to undefined. Idempotent.
   */
  close(): void;
}

/** Settings of one {@link ResponseClient.dial}. */
export interface DialOptions {
  /**
   * Hears what the requester says, from the moment of the handshake on, possibly before `dial` has resolved, until `end` or
   * `destroy` is called. May not throw.
   */
  readonly onEvent: (event: WorkerEvent) => void;
}

/** The worker's half of the response plane. */
export interface ResponseClient {
  /**
   * Opens the connection that `connectionInfo` asks for and sends the handshake. Called once per request, before its handler
   * runs; whoever calls ends the sender on every path, by `end` or `destroy`.
   * @throws PROFILED_MESSAGE_INVALID if the info is malformed, of another plane or for another request;
   * PROFILED_DISCONNECTED if nobody answers there, or after `close`
   */
  dial(
    connectionInfo: { readonly transport: string; readonly info: string },
    contextId: string,
    options: DialOptions,
  ): Promise<ResponseSender>;
  /** Destroys all connections. Idempotent; `dial` rejects afterwards. */
  close(): Promise<void>;
}

/** The worker's end of a response connection. */
export interface ResponseSender {
  /**
   * Hands on one whole two-part frame, which may not be changed afterwards. Undefined when it was taken at once; a promise
   * while 64 frames wait (`FRAME_BUFFER`), to be awaited before the next call. The promise rejects, and so does every later
   * one, with PROFILED_DISCONNECTED once the frame can not arrive any more; nothing is thrown. If the requester brought that
   * about, `onEvent` has heard `disconnect` by then, so that a cancellation is not taken for an error.
   */
  send(frame: Uint8Array): Promise<void> | undefined;
  /**
   * Waits for what {@link send} has only queued: undefined when every frame has been handed on, otherwise a promise of that time. TCP hands
   * them to the kernel, memory to a pipe of 64 frames; what becomes of them after that, nobody is told. Rejects as `send` does, with
   * `onEvent` told before, once a frame that was queued can not be handed on any more. There is no time limit: a reader that is slow is waited for.
   */
  flush(): Promise<void> | undefined;
  /**
   * After the last frame: hands on what waits, and waits for the requester to end the connection, at most ten seconds
   * (`FIN_TIMEOUT_MS`) from when everything was handed to the connection. Frames that a slow reader has not read by then still
   * arrive. A connection that is gone by then, even reset, was closed in order. Never rejects.
   *
   * The last frame decides who ends first, so an implementation has to look at it: after a sentinel it is the requester, and this
   * direction stays open; without one, this direction is ended at once, which is how the requester learns of the end. A worker
   * whose requester has told it to stop sends none.
   */
  end(): Promise<void>;
  /** Drops what waits and closes now. Sends that wait reject. Idempotent, also after `end`. */
  destroy(): void;
}

/** Both halves of a response plane. */
export interface ResponsePlane {
  readonly server: ResponseServer;
  readonly client: ResponseClient;
}
