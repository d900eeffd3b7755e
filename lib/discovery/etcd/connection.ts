import { type ChannelOptions, Client, credentials, Metadata } from '@grpc/grpc-js';
import { explain, isAboutState, isLoginOver, isOutage, isPreconditionFailed, streamEnded } from './failures';
import type { Member, ResolvedEtcdOptions } from './options';
import { type Calls, type Method, METHODS, type WatchResponse } from './protocol';

/**
 * How connections behave. The watch of a silent etcd ends after 13 seconds; etcd itself refuses pings that come more often than
 * every 5. Each connection is of one discovery alone, so that closing that closes it.
 */
const CHANNEL: ChannelOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': -1,
  'grpc.use_local_subchannel_pool': 1,
  // Neither a proxy of the environment nor a DNS record has a say in where etcd is.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** The calls that have one answer. */
type Unary = Exclude<keyof Calls, 'LeaseKeepAlive' | 'Watch'>;

interface Peer {
  readonly client: Client;
  login?: Promise<Metadata> | undefined;
}

/** A watch under way. */
export interface WatchStream {
  /** Rejects when it is over, for whatever reason. */
  readonly ended: Promise<never>;
  cancel(): void;
}

/** Calls of etcd: at one member, and at the next one if that is away. No connection is opened before the first call. */
export class EtcdConnection {
  readonly #options: ResolvedEtcdOptions;
  readonly #peers: readonly Peer[];
  /** The member that answered last. */
  #current = 0;

  constructor(options: ResolvedEtcdOptions) {
    this.#options = options;
    const { tls } = options;
    const channelCredentials = tls
      ? credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null)
      : credentials.createInsecure();
    this.#peers = options.members.map(({ target }: Member) => ({
      client: new Client(target, channelCredentials, CHANNEL),
    }));
  }

  /**
   * @throws PROFILED_UNAVAILABLE when no member answered within its time, PROFILED_CONFIG_INVALID where etcd does not let this
   * process in; an error of gRPC where what there is does not fit the call (see `isAboutState`)
   */
  call<M extends Unary>(method: M, request: Calls[M][0]): Promise<Calls[M][1]> {
    return this.#anywhere((peer, metadata) => this.#unary(peer, metadata, method, request));
  }

  /** Renews a lease. Resolves to the seconds that it goes on for, 0 if it is over. @throws as `call` */
  keepAlive(id: bigint): Promise<number> {
    return this.#anywhere(
      (peer, metadata) =>
        new Promise((resolve, reject) => {
          const { path, requestSerialize, responseDeserialize } = METHODS.LeaseKeepAlive;
          const options = { deadline: Date.now() + this.#options.requestTimeoutMs };
          const stream = peer.client.makeBidiStreamRequest(
            path,
            requestSerialize,
            responseDeserialize,
            metadata,
            options,
          );
          // After the answer it fails of the cancellation, which no one hears.
          stream.on('error', reject);
          stream.on('data', ({ TTL }: Calls['LeaseKeepAlive'][1]) => {
            resolve(Number(TTL));
            stream.cancel();
          });
          stream.on('end', () => reject(streamEnded()));
          stream.write({ ID: id.toString() });
        }),
    );
  }

  /** Watches a range of keys at the member that answered last. Whoever calls this has called something else before. */
  async watch(
    request: Calls['Watch'][0]['create_request'],
    onResponse: (response: WatchResponse) => void,
  ): Promise<WatchStream> {
    const peer = this.#peers[this.#current]!;
    const metadata = await this.#login(peer);
    const { path, requestSerialize, responseDeserialize } = METHODS.Watch;
    const stream = peer.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
    const ended = new Promise<never>((_, reject) => {
      stream.on('error', (error) => reject(explain(error, this.#options)));
      stream.on('end', () => reject(explain(streamEnded(), this.#options)));
    });
    ended.catch(() => {}); // nobody may be waiting for it
    stream.on('data', onResponse);
    stream.write({ create_request: request });
    return { ended, cancel: () => stream.cancel() };
  }

  close(): void {
    for (const { client } of this.#peers) client.close();
  }

  /** Makes a call at the members in turn until one is there. */
  async #anywhere<T>(attempt: (peer: Peer, metadata: Metadata) => Promise<T>): Promise<T> {
    let failure: unknown;
    for (let tried = 0; tried < this.#peers.length; tried++) {
      const index = this.#current;
      try {
        return await this.#at(this.#peers[index]!, attempt);
      } catch (error) {
        if (!isOutage(error)) throw isAboutState(error) ? error : explain(error, this.#options);
        failure = error;
        if (this.#current === index) this.#current = (index + 1) % this.#peers.length;
      }
    }
    throw explain(failure, this.#options);
  }

  async #at<T>(peer: Peer, attempt: (peer: Peer, metadata: Metadata) => Promise<T>): Promise<T> {
    const login = await this.#login(peer);
    try {
      return await attempt(peer, login);
    } catch (error) {
      if (!isLoginOver(error)) throw error;
      peer.login = undefined;
      return attempt(peer, await this.#login(peer));
    }
  }

  /** The metadata of calls at a member, which knows its own logins only. Whoever can't log in tries again with the next call. */
  #login(peer: Peer): Promise<Metadata> {
    peer.login ??= this.#authenticate(peer).catch((error: unknown) => {
      peer.login = undefined;
      throw error;
    });
    return peer.login;
  }

  async #authenticate(peer: Peer): Promise<Metadata> {
    const metadata = new Metadata();
    const { login } = this.#options;
    if (!login) return metadata;
    try {
      const { token } = await this.#unary(peer, metadata, 'Authenticate', login);
      metadata.set('token', token);
    } catch (error) {
      // Authentication is off: nobody has to log in.
      if (!isPreconditionFailed(error)) throw error;
    }
    return metadata;
  }

  #unary<M extends Unary>(peer: Peer, metadata: Metadata, method: M, request: Calls[M][0]): Promise<Calls[M][1]> {
    const { path, requestSerialize, responseDeserialize } = METHODS[method] as Method<M>;
    const options = { deadline: Date.now() + this.#options.requestTimeoutMs };
    return new Promise((resolve, reject) => {
      peer.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (error, answer) => (error ? reject(error) : resolve(answer!)),
      );
    });
  }
}
