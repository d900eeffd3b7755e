import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, ProfiledError } from '../../errors';
import { log } from '../../internal/logger';
import { refusal } from '../../wire/ack';
import type { OnRequest, RequestHeaders, ServedTarget, TargetStats } from '../transport';
import type { NatsAddress } from './address';
import { flushed } from './link';

/** The queue group of services, which all instances of upstream are in. A subject belongs to one instance, so it shares nothing. */
export const QUEUE_GROUP = 'q';

/** How long the server may take to say that it sends nothing more, in milliseconds. */
const UNSUBSCRIBE_MS = 1_000;

/** How much of a reason goes into a refusal, in characters. */
const SHOWN_REASON = 1_024;

/** One target: its subject on the connection of the time being. */
export class ServedSubject implements ServedTarget {
  readonly where: NatsAddress;
  /** What it has done so far; undefined if nobody counts. */
  readonly stats: (() => TargetStats) | undefined;
  readonly #onRequest: OnRequest;
  readonly #onStop: () => void;
  #connection: NatsConnection | undefined;
  #subscription: Subscription | undefined;
  #refusedBy: Error | undefined;
  #isReachable = false;
  #listener: ((isReachable: boolean) => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(where: NatsAddress, onRequest: OnRequest, stats: (() => TargetStats) | undefined, onStop: () => void) {
    this.where = where;
    this.stats = stats;
    this.#onRequest = onRequest;
    this.#onStop = onStop;
  }

  get address(): string {
    return this.where.subject;
  }

  /** Resolves when the server sends requests here. @throws PROFILED_LISTEN_FAILED if it may not, PROFILED_DISCONNECTED */
  async subscribe(connection: NatsConnection): Promise<void> {
    if (this.#stopped) return;
    if (this.#connection !== connection) this.#subscribe(connection);
    await flushed(connection);
    if (this.#refusedBy) {
      const text = `the NATS server does not let this user subscribe to ${this.where.subject}: ${messageOf(this.#refusedBy)}`;
      throw new ProfiledError('PROFILED_LISTEN_FAILED', text, { cause: this.#refusedBy });
    }
    this.#tell(true);
  }

  /** The connection is gone. */
  lose(): void {
    this.#subscription = undefined;
    this.#tell(false);
  }

  onReachable(listener: (isReachable: boolean) => void): void {
    this.#listener = listener;
    if (!this.#isReachable) listener(false);
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    const timer = new AbortController();
    const late = delay(UNSUBSCRIBE_MS, undefined, { signal: timer.signal }).catch(() => {});
    await Promise.race([this.#subscription?.drain().catch(() => {}), late]);
    timer.abort();
    this.#tell(false);
    this.#onStop();
  }

  #subscribe(connection: NatsConnection): void {
    this.#connection = connection;
    this.#refusedBy = undefined;
    this.#subscription = connection.subscribe(this.where.subject, {
      queue: QUEUE_GROUP,
      callback: (error, message) => (error ? this.#refuse(error) : void this.#answer(message)),
    });
  }

  /** A permission that was missing from the start, or was taken back. */
  #refuse(error: Error): void {
    this.#refusedBy = error;
    if (this.#isReachable)
      log.write('error', { err: error }, `${this.where.subject} is served no more: ${error.message}`);
    this.#tell(false);
  }

  #tell(isReachable: boolean): void {
    if (this.#isReachable === isReachable) return;
    this.#isReachable = isReachable;
    this.#listener?.(isReachable);
  }

  /** Acknowledges one request, before it is processed. Never rejects. */
  async #answer(message: Msg): Promise<void> {
    let ack: Uint8Array;
    try {
      ack = this.#stopped ? refusal('unavailable', 'stopped') : await this.#onRequest(message.data, headersOf(message));
    } catch (error) {
      ack = refusal('unavailable', messageOf(error).slice(0, SHOWN_REASON));
    }
    try {
      message.respond(ack);
    } catch (error) {
      log.write('warn', { err: error }, `an acknowledgement could not be sent: ${messageOf(error)}`);
    }
  }
}

function headersOf({ headers }: Msg): RequestHeaders {
  const record: Record<string, string> = {};
  for (const name of headers?.keys() ?? []) record[name.toLowerCase()] = headers!.last(name);
  return record;
}
