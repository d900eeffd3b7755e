import { ProfiledError } from '../../errors';
import { decodeConnectionInfo } from '../../wire/connection-info';
import type { ConnectionInfo } from '../../wire/control-message';
import { kindOf } from '../../wire/fields';
import { invalidMessage } from '../../wire/invalid';
import { encodeHandshake } from '../../wire/response-frames';
import type { DialOptions, ResponseClient, ResponseSender } from '../transport';
import { parseSocketAddress } from './address';
import { Dial } from './dial';
import type { ResolvedTcpOptions } from './options';
import { TcpResponseSender } from './response-sender';

/** Dials the requesters of a worker. */
export class TcpResponseClient implements ResponseClient {
  readonly #options: ResolvedTcpOptions;
  readonly #dials = new Set<Dial>();
  readonly #open = new Set<TcpResponseSender>();
  #isClosed = false;

  constructor(options: ResolvedTcpOptions) {
    this.#options = options;
  }

  async dial(info: ConnectionInfo, contextId: string, { onEvent }: DialOptions): Promise<ResponseSender> {
    const { address, subject, streamType } = decodeConnectionInfo(info, contextId);
    const to = parseSocketAddress(address);
    if (!to) {
      throw invalidMessage(`\`address\` must be of the form ip:port, with no host name, got ${kindOf(address)}`);
    }
    if (this.#isClosed) throw new ProfiledError('PROFILED_DISCONNECTED', 'the response client is closed');
    const dial = new Dial(to, this.#options.connectTimeoutMs);
    this.#dials.add(dial);
    const socket = await dial.opened.finally(() => this.#dials.delete(dial));
    const sender = new TcpResponseSender(socket, this.#options, onEvent);
    this.#open.add(sender);
    void sender.closed.then(() => this.#open.delete(sender));
    if (this.#isClosed) sender.destroy();
    else sender.send(encodeHandshake({ subject, streamType }))?.catch(() => {});
    return sender;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const dial of this.#dials) dial.cancel();
    for (const sender of this.#open) sender.destroy();
    await Promise.all([...this.#open].map(({ closed }) => closed));
  }
}
