import { randomBytes, randomUUID } from 'node:crypto';
import { ProfiledError } from '../../errors';
import { type Deferred, deferred } from '../../internal/deferred';
import { log } from '../../internal/logger';
import { encodeConnectionInfo } from '../../wire/connection-info';
import { decodeHandshake, encodeControl } from '../../wire/response-frames';
import { decodeTwoPart } from '../../wire/two-part';
import type { ControlSignal, PendingResponse, ResponseReceiver, ResponseServer } from '../transport';
import { hub, type MemoryConnection } from './hub';

/**
 * Takes the responses of this process' requests. Its address, `memory:` and 12 hex digits, is 19 characters long, as the
 * address in the documentation's byte counts is; on the wire it stands where TCP puts `host:port`.
 */
export class MemoryResponseServer implements ResponseServer {
  readonly address = `memory:${randomBytes(6).toString('hex')}`;
  readonly #pending = new Map<string, Deferred<ResponseReceiver>>();
  readonly #open = new Set<MemoryReceiver>();
  #closed = false;

  async expect(contextId: string): Promise<PendingResponse> {
    if (this.#closed) throw closedError();
    hub.responseServers.set(this.address, (connection) => void this.#accept(connection));
    const subject = randomUUID();
    const connected = deferred<ResponseReceiver>();
    // Whoever cancels may not have looked at it.
    connected.promise.catch(() => {});
    this.#pending.set(subject, connected);
    return {
      connectionInfo: encodeConnectionInfo({
        address: this.address,
        subject,
        context: contextId,
        streamType: 'response',
      }),
      connected: connected.promise,
      cancel: (reason) => {
        this.#pending.delete(subject);
        connected.reject(reason);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    hub.responseServers.delete(this.address);
    for (const connected of this.#pending.values()) connected.reject(closedError());
    this.#pending.clear();
    for (const receiver of this.#open) receiver.close();
  }

  async #accept(connection: MemoryConnection): Promise<void> {
    const receiver = new MemoryReceiver(connection, () => this.#open.delete(receiver));
    this.#open.add(receiver);
    try {
      const frame = await receiver.receive();
      const { subject } = decodeHandshake(decodeTwoPart(frame ?? new Uint8Array()));
      const connected = this.#pending.get(subject);
      if (!connected) return receiver.close();
      this.#pending.delete(subject);
      connected.resolve(receiver);
    } catch (error) {
      log.write('warn', { err: error }, 'a response connection began with no handshake');
      receiver.close();
    }
  }
}

class MemoryReceiver implements ResponseReceiver {
  constructor(
    private readonly connection: MemoryConnection,
    private readonly onClose: () => void,
  ) {}

  receive(): Promise<Uint8Array | undefined> {
    return this.connection.toRequester.read();
  }

  receiveNow(): Uint8Array | undefined {
    return this.connection.toRequester.readNow();
  }

  control(signal: ControlSignal): void {
    this.connection.toWorker.write(encodeControl(signal))?.catch(() => {});
  }

  close(): void {
    this.connection.toWorker.end();
    this.connection.toRequester.break();
    this.onClose();
  }
}

function closedError(): ProfiledError {
  return new ProfiledError('PROFILED_SHUTDOWN', 'the response server is closed');
}
