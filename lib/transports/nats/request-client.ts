import { headers as emptyHeaders, type MsgHdrs } from '@nats-io/transport-node';
import { messageOf, ProfiledError } from '../../errors';
import { invalidMessage } from '../../wire/invalid';
import { cancelledError, Exchange } from '../tcp/exchange';
import type { RequestClient, RequestHeaders, SendOptions } from '../transport';
import { Inbox } from './inbox';
import type { NatsLink } from './link';

/**
 * Publishes requests to the subjects of workers. While the connection is lost a request waits for it, `connectTimeoutMs` at most; one
 * that was published before fails at once, since nobody knows whether it arrived.
 */
export class NatsRequestClient implements RequestClient {
  readonly #link: NatsLink;
  readonly #underWay = new Set<Exchange>();
  #inbox: Inbox | undefined;
  #closed: Promise<void> | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  async send(
    address: string,
    payload: Uint8Array,
    headers: RequestHeaders,
    { signal }: SendOptions = {},
  ): Promise<Uint8Array> {
    if (signal?.aborted) throw cancelledError();
    if (this.#closed) throw closedError();
    const exchange = new Exchange([], signal);
    this.#underWay.add(exchange);
    void this.#deliver(address, payload, headers, exchange).catch((error: unknown) =>
      exchange.fail(ProfiledError.from(error)),
    );
    return exchange.answer.finally(() => this.#underWay.delete(exchange));
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const exchange of this.#underWay) exchange.fail(closedError());
    await this.#link.release();
  }

  async #deliver(subject: string, payload: Uint8Array, headers: RequestHeaders, exchange: Exchange): Promise<void> {
    const connection = await this.#link.connection();
    if (!exchange.isOpen) return;
    const inbox = this.#inbox?.connection === connection ? this.#inbox : new Inbox(connection);
    this.#inbox = inbox;
    inbox.send(subject, payload, this.#encode(headers), exchange);
  }

  #encode(headers: RequestHeaders): MsgHdrs {
    const encoded = emptyHeaders();
    for (const [name, value] of Object.entries(headers)) {
      try {
        encoded.set(name, value);
      } catch (error) {
        throw invalidMessage(`NATS can not carry the header ${JSON.stringify(name)}: ${messageOf(error)}`);
      }
    }
    return encoded;
  }
}

function closedError(): ProfiledError {
  return new ProfiledError('PROFILED_SHUTDOWN', 'the request client is closed');
}
