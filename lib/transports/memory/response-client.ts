import { messageOf, ProfiledError } from '../../errors';
import { log } from '../../internal/logger';
import { decodeConnectionInfo } from '../../wire/connection-info';
import type { ConnectionInfo } from '../../wire/control-message';
import { FIN_TIMEOUT_MS } from '../../wire/limits';
import { decodeRequesterControl, encodeHandshake } from '../../wire/response-frames';
import { decodeTwoPart } from '../../wire/two-part';
import type { DialOptions, ResponseClient, ResponseSender, WorkerEvent } from '../transport';
import { FramePipe } from './frame-pipe';
import { hub, type MemoryConnection } from './hub';

/** Dials any response server of this process. */
export class MemoryResponseClient implements ResponseClient {
  readonly #open = new Set<MemorySender>();
  #closed = false;

  async dial(info: ConnectionInfo, contextId: string, { onEvent }: DialOptions): Promise<ResponseSender> {
    const { address, subject, streamType } = decodeConnectionInfo(info, contextId);
    const accept = hub.responseServers.get(address);
    if (this.#closed || !accept) {
      throw new ProfiledError('PROFILED_DISCONNECTED', `no response server answers at ${JSON.stringify(address)}`);
    }
    const connection = { toRequester: new FramePipe(), toWorker: new FramePipe() };
    const sender = new MemorySender(connection, onEvent, () => this.#open.delete(sender));
    this.#open.add(sender);
    accept(connection);
    await sender.send(encodeHandshake({ subject, streamType }));
    return sender;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const sender of this.#open) sender.destroy();
  }
}

class MemorySender implements ResponseSender {
  /** Whether this side is done with the connection, so that what the other side does is no event any more. */
  #isOver = false;
  readonly #listening: Promise<void>;

  constructor(
    private readonly connection: MemoryConnection,
    private readonly onEvent: (event: WorkerEvent) => void,
    private readonly onClose: () => void,
  ) {
    this.#listening = this.#listen();
  }

  send(frame: Uint8Array): Promise<void> | undefined {
    return this.#afterEvents(this.connection.toRequester.write(frame));
  }

  flush(): Promise<void> | undefined {
    return this.#afterEvents(this.connection.toRequester.flush());
  }

  async end(): Promise<void> {
    const { toRequester, toWorker } = this.connection;
    this.#isOver = true;
    toRequester.end();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, FIN_TIMEOUT_MS).unref()));
    await Promise.race([toWorker.ended, limit]);
    clearTimeout(timer);
    // Frames that a slow reader has not read yet stay, as they do in the buffers of a socket.
    toWorker.break();
    this.onClose();
  }

  destroy(): void {
    this.#isOver = true;
    this.connection.toRequester.break();
    this.connection.toWorker.break();
    this.onClose();
  }

  /** A failure that the requester brought about is known after what it brought it about with. */
  #afterEvents(sent: Promise<void> | undefined): Promise<void> | undefined {
    return sent?.catch(async (error: unknown) => {
      await this.#listening;
      throw error;
    });
  }

  async #listen(): Promise<void> {
    const { toWorker } = this.connection;
    for (let frame = await toWorker.read(); frame; frame = await toWorker.read()) this.#tell(eventOf(frame));
    this.#tell('disconnect');
  }

  #tell(event: WorkerEvent): void {
    if (!this.#isOver) this.onEvent(event);
  }
}

function eventOf(frame: Uint8Array): WorkerEvent {
  try {
    return decodeRequesterControl(decodeTwoPart(frame));
  } catch (error) {
    log.write('warn', { err: error }, `a requester sent what no worker understands: ${messageOf(error)}`);
    return 'kill';
  }
}
