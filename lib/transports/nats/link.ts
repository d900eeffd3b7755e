import type { NatsConnection } from '@nats-io/transport-node';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, ProfiledError } from '../../errors';
import { log } from '../../internal/logger';
import { dialAny } from './dial';
import type { ResolvedNatsOptions } from './options';

/** Hears of a connection that was lost and of the one that takes its place. */
export interface LinkListener {
  onLost(): void;
  onRestored(connection: NatsConnection): void;
}

/** Between two attempts to reconnect, in milliseconds: twice as long each time, up to a limit, and never quite the same. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** How long the last words may take to reach the server when the link is closed, in milliseconds. */
const LAST_WORDS_MS = 1_000;

/**
 * The connection to the server that both halves of a plane share. It is opened on first use, where a failure is thrown, and from
 * then on restored for as long as it takes. What was under way on a connection that is lost fails at once; nothing is kept to be
 * sent again, so nothing arrives twice.
 */
export class NatsLink {
  readonly #options: ResolvedNatsOptions;
  readonly #listeners = new Set<LinkListener>();
  readonly #closing = new AbortController();
  #connection: Promise<NatsConnection> | undefined;
  #isLost = false;
  /** Why there is no connection now. */
  #trouble = '';
  #users: number;
  #closed: Promise<void> | undefined;

  /** It is closed when all of its users have called {@link release}. */
  constructor(options: ResolvedNatsOptions, users: number) {
    this.#options = options;
    this.#users = users;
  }

  /**
   * The connection, opened if need be; one that was lost is waited for, `connectTimeoutMs` at most. It is open when this resolves.
   * @throws PROFILED_DISCONNECTED, PROFILED_CONFIG_INVALID, PROFILED_SHUTDOWN
   */
  async connection(): Promise<NatsConnection> {
    if (this.#closing.signal.aborted) throw closedError();
    if (!this.#connection) {
      this.#connection = this.#connect();
      this.#connection.catch(() => (this.#connection = undefined));
    }
    const connection = await (this.#isLost ? this.#within(this.#connection) : this.#connection);
    if (connection.isClosed()) throw lostError();
    return connection;
  }

  listen(listener: LinkListener): void {
    this.#listeners.add(listener);
  }

  /** One user less. */
  async release(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await (this.#closed ??= this.#close());
  }

  async #within(restored: Promise<NatsConnection>): Promise<NatsConnection> {
    const { connectTimeoutMs } = this.#options;
    const timer = new AbortController();
    const late = delay(connectTimeoutMs, undefined, { signal: timer.signal }).then(() => {
      const text = `no connection to the NATS server for ${connectTimeoutMs} ms: ${this.#trouble}`;
      throw new ProfiledError('PROFILED_DISCONNECTED', text);
    });
    try {
      return await Promise.race([restored, late]);
    } finally {
      timer.abort();
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    const connection = await this.#connection?.catch(() => undefined);
    if (!connection) return;
    await Promise.race([flushed(connection), delay(LAST_WORDS_MS, undefined, { ref: false })]).catch(() => {});
    await connection.close();
  }

  async #connect(): Promise<NatsConnection> {
    try {
      const connection = await dialAny(this.#options, this.#closing.signal);
      void this.#watch(connection);
      void connection.closed().then((error) => this.#lose(connection, error));
      this.#trouble = '';
      return connection;
    } catch (error) {
      this.#trouble = messageOf(error);
      throw error;
    }
  }

  /** What the server says beside messages. It says little before it ends a connection, for instance to a slow consumer. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      // Not in order: that waits until the server, which does not read, has read what was sent.
      if (status.type === 'staleConnection') {
        this.#trouble = 'it does not answer';
        void connection.close();
      }
      if (status.type === 'error') {
        log.write('warn', { err: status.error }, `the NATS server: ${status.error.message}`);
      }
    }
  }

  #lose(connection: NatsConnection, error: unknown): void {
    if (this.#closing.signal.aborted || this.#isLost) return;
    if (error instanceof Error) this.#trouble = messageOf(error);
    this.#trouble ||= 'it was closed';
    log.write('warn', {}, `the connection to the NATS server at ${connection.getServer()} is lost: ${this.#trouble}`);
    this.#isLost = true;
    this.#connection = this.#restore();
    this.#connection.catch(() => {});
    for (const listener of this.#listeners) listener.onLost();
  }

  async #restore(): Promise<NatsConnection> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      await this.#pause(pause * (0.5 + Math.random() / 2));
      const before = this.#trouble;
      const connection = await this.#connect().catch(() => undefined);
      if (connection && !connection.isClosed()) {
        this.#isLost = false;
        log.write('info', {}, `connected again to the NATS server at ${connection.getServer()}`);
        for (const listener of this.#listeners) listener.onRestored(connection);
        return connection;
      }
      if (this.#trouble !== before) log.write('warn', {}, this.#trouble);
    }
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    await delay(ms, undefined, { signal }).catch(() => {
      throw closedError();
    });
  }
}

/** Resolves when the server has seen everything that was sent. @throws PROFILED_DISCONNECTED if the connection ends before */
export async function flushed(connection: NatsConnection): Promise<void> {
  const lost = connection.closed().then(() => Promise.reject(lostError()));
  await Promise.race([connection.flush(), lost]);
}

function lostError(): ProfiledError {
  return new ProfiledError('PROFILED_DISCONNECTED', 'the connection to the NATS server is lost');
}

function closedError(): ProfiledError {
  return new ProfiledError('PROFILED_SHUTDOWN', 'the NATS request plane is closed');
}
