import { ProfiledError } from '../../errors';
import { invalidMessage } from '../../wire/invalid';
import { encodeRequestHead } from '../../wire/request-frame';
import type { RequestClient, RequestHeaders, SendOptions } from '../transport';
import { parseSocketAddress, splitAddress } from './address';
import { DialGate } from './dial-gate';
import { cancelledError, Exchange } from './exchange';
import { HostPool } from './host-pool';
import type { ResolvedTcpOptions } from './options';

/** A payload of up to so many bytes is copied behind its head: one buffer costs less to write than two. */
const COPIED_BYTES = 8 * 1024;

/** Sends to every address of the form `ip:port/path`; connections are kept and shared. */
export class TcpRequestClient implements RequestClient {
  readonly #options: ResolvedTcpOptions;
  readonly #gate: DialGate;
  readonly #pools = new Map<string, HostPool>();
  #isClosed = false;

  constructor(options: ResolvedTcpOptions) {
    this.#options = options;
    this.#gate = new DialGate(options.maxDials);
  }

  async send(
    address: string,
    payload: Uint8Array,
    headers: RequestHeaders,
    { signal }: SendOptions = {},
  ): Promise<Uint8Array> {
    if (signal?.aborted) throw cancelledError();
    if (this.#isClosed) throw closedError();
    const { authority, path } = splitAddress(address);
    const frame = this.#frame(path, headers, payload);
    const pool = this.#pools.get(authority) ?? this.#open(authority, address);
    const exchange = new Exchange(frame, signal);
    pool.send(exchange);
    return exchange.answer;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pool of this.#pools.values()) pool.close(closedError());
    this.#pools.clear();
  }

  #open(authority: string, address: string): HostPool {
    const to = parseSocketAddress(authority);
    if (!to) {
      const expected = 'must be of the form `ip:port/path`, with an IP address and no host name';
      throw new ProfiledError('PROFILED_DISCONNECTED', `the address ${expected}, got ${JSON.stringify(address)}`);
    }
    const pool: HostPool = new HostPool(to, this.#options, this.#gate, () => {
      if (this.#pools.get(authority) === pool) this.#pools.delete(authority);
    });
    this.#pools.set(authority, pool);
    return pool;
  }

  #frame(path: string, headers: RequestHeaders, payload: Uint8Array): Uint8Array[] {
    const { maxMessageBytes } = this.#options;
    const head = encodeRequestHead(path, headers, Math.min(payload.length, maxMessageBytes));
    const bytes = head.length + payload.length;
    if (bytes > maxMessageBytes) {
      throw invalidMessage(`a request of ${bytes} bytes is larger than the limit of ${maxMessageBytes}`);
    }
    return payload.length <= COPIED_BYTES ? [Buffer.concat([head, payload], bytes)] : [head, payload];
  }
}

function closedError(): ProfiledError {
  return new ProfiledError('PROFILED_SHUTDOWN', 'the request client is closed');
}
