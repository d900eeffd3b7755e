import {
  createInbox,
  InvalidArgumentError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from '@nats-io/transport-node';
import { messageOf, ProfiledError } from '../../errors';
import { refusal } from '../../wire/ack';
import { invalidMessage } from '../../wire/invalid';
import type { Exchange } from '../tcp/exchange';

interface Waiting {
  readonly exchange: Exchange;
  readonly subject: string;
}

/** What the server answers for a subject that nobody has subscribed to. */
const NO_RESPONDERS = 503;

/**
 * The acknowledgements of one connection: one subscription, a subject below it for each request. The library's own `request` can not
 * be given up before its time limit.
 */
export class Inbox {
  readonly connection: NatsConnection;
  readonly #prefix: string;
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  constructor(connection: NatsConnection) {
    this.connection = connection;
    this.#prefix = `${createInbox()}.`;
    connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => (error ? this.#failAll(notAllowed(error)) : this.#take(message)),
    });
    void connection.closed().then(() => this.#failAll(lost()));
    void this.#watch();
  }

  /** Publishes the request of `exchange`, which is settled here unless its caller gives it up. Never throws. */
  send(subject: string, payload: Uint8Array, headers: MsgHdrs, exchange: Exchange): void {
    const token = (this.#count++).toString(36);
    this.#waiting.set(token, { exchange, subject });
    exchange.onAbandoned = () => this.#waiting.delete(token);
    try {
      this.connection.publish(subject, payload, { reply: this.#prefix + token, headers });
    } catch (error) {
      this.#waiting.delete(token);
      exchange.fail(this.#unsent(payload.length, error));
    }
  }

  /** The library refuses what is larger than the server takes, and whatever comes after the end of the connection. */
  #unsent(bytes: number, cause: unknown): ProfiledError {
    if (!(cause instanceof InvalidArgumentError)) {
      return new ProfiledError('PROFILED_DISCONNECTED', messageOf(cause), { cause });
    }
    const limit = this.connection.info?.max_payload;
    return invalidMessage(
      `a request of ${bytes} bytes and its headers exceed the NATS server's max_payload of ${limit}`,
    );
  }

  #take(message: Msg): void {
    const token = message.subject.slice(this.#prefix.length);
    const waiting = this.#waiting.get(token);
    if (!waiting) return;
    this.#waiting.delete(token);
    const isUnserved = message.data.length === 0 && message.headers?.code === NO_RESPONDERS;
    waiting.exchange.resolve(isUnserved ? refusal('unavailable', `nobody serves ${waiting.subject}`) : message.data);
  }

  /** A publish that is not allowed is answered beside the subjects. */
  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type !== 'error') continue;
      const { operation, subject } = status.error as { operation?: string; subject?: string };
      if (operation !== 'publish') continue;
      this.#failAll(notAllowed(status.error), (waiting) => waiting.subject === subject);
    }
  }

  #failAll(error: ProfiledError, matches: (waiting: Waiting) => boolean = () => true): void {
    for (const [token, waiting] of this.#waiting) {
      if (!matches(waiting)) continue;
      this.#waiting.delete(token);
      waiting.exchange.fail(error);
    }
  }
}

function lost(): ProfiledError {
  const text = 'the connection to the NATS server was lost before the acknowledgement; the request may have arrived';
  return new ProfiledError('PROFILED_DISCONNECTED', text);
}

function notAllowed(cause: Error): ProfiledError {
  return new ProfiledError('PROFILED_DISCONNECTED', `the NATS server does not allow it: ${cause.message}`, { cause });
}
