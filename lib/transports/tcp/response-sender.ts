import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers';
import { messageOf, ProfiledError } from '../../errors';
import { type Deferred, deferred } from '../../internal/deferred';
import { log } from '../../internal/logger';
import { decodeRequesterControl, encodeControl } from '../../wire/response-frames';
import { TwoPartDecoder } from '../../wire/two-part';
import type { ResponseSender, WorkerEvent } from '../transport';
import type { ResolvedTcpOptions } from './options';

/** Bytes that the socket has not taken yet, before a handler has to wait, however few frames they are. */
const WRITE_AHEAD_BYTES = 8 * 2 ** 20;

/** The largest frame that a requester may send; its words have 30 bytes. */
const MAX_CONTROL_BYTES = 1024;

const SENTINEL = encodeControl('sentinel');

type SenderOptions = Pick<ResolvedTcpOptions, 'frameBuffer' | 'finTimeoutMs'>;

/** The worker's end of one response. Frames of one tick go out in one write. */
export class TcpResponseSender implements ResponseSender {
  readonly #socket: Socket;
  readonly #options: SenderOptions;
  readonly #onEvent: (event: WorkerEvent) => void;
  readonly #closed = deferred();
  #control: TwoPartDecoder | undefined = new TwoPartDecoder(MAX_CONTROL_BYTES);
  #queue: Uint8Array[] = [];
  /** What the kernel has not taken, the queue included. */
  #frames = 0;
  #bytes = 0;
  #hasSentinel = false;
  #isWriting = false;
  /** Whether this side is done with the connection, so that what the other side does is no event any more. */
  #isOver = false;
  #isGone = false;
  #writer: Deferred<void> | undefined;
  #flushed: Deferred<void> | undefined;
  #ended: Promise<void> | undefined;

  /** Takes over an open socket, whose errors are heard already. */
  constructor(socket: Socket, options: SenderOptions, onEvent: (event: WorkerEvent) => void) {
    this.#socket = socket;
    this.#options = options;
    this.#onEvent = onEvent;
    socket.on('data', (chunk: Buffer) => this.#listen(chunk));
    socket.once('end', () => this.#lose());
    socket.once('close', () => {
      this.#lose();
      this.#closed.resolve();
    });
  }

  /** Resolves when the socket is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  send(frame: Uint8Array): Promise<void> | undefined {
    if (this.#isGone || this.#ended) return Promise.reject(gone());
    this.#hasSentinel = frame.length === SENTINEL.length && SENTINEL.equals(frame);
    this.#bytes += frame.length;
    this.#frames += 1;
    if (this.#queue.push(frame) === 1 && !this.#isWriting) process.nextTick(() => this.#write());
    if (this.#frames <= this.#options.frameBuffer && this.#bytes <= WRITE_AHEAD_BYTES) return undefined;
    return (this.#writer ??= deferred()).promise;
  }

  flush(): Promise<void> | undefined {
    if (this.#frames === 0) return undefined;
    if (this.#isGone) return Promise.reject(gone());
    return (this.#flushed ??= deferred()).promise;
  }

  end(): Promise<void> {
    this.#isOver = true;
    return (this.#ended ??= this.#end());
  }

  destroy(): void {
    this.#isOver = true;
    this.#lose();
  }

  async #end(): Promise<void> {
    await this.flush()?.catch(() => {});
    // After the sentinel the requester ends first, as upstream has it, so that this side's port is free again at once. Without
    // one the end of this direction is what tells the requester.
    if (!this.#hasSentinel) this.#socket.end();
    // What the kernel has taken still arrives after that, however slow the requester reads.
    const limit = setTimeout(() => this.destroy(), this.#options.finTimeoutMs);
    await this.#closed.promise;
    clearTimeout(limit);
  }

  #write(): void {
    if (this.#isWriting || this.#isGone || this.#queue.length === 0) return;
    const frames = this.#queue;
    this.#queue = [];
    this.#isWriting = true;
    let bytes = 0;
    for (const frame of frames) bytes += frame.length;
    const pieces = joinNeighbours(frames);
    const last = pieces.pop()!;
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    // A failure closes the socket, and that is what counts; Node tells of none for a write that a reset has cut short.
    this.#socket.write(last, (error) => {
      if (!error && !this.#socket.destroyed) this.#written(frames.length, bytes);
    });
    this.#socket.uncork();
  }

  #written(frames: number, bytes: number): void {
    this.#isWriting = false;
    this.#frames -= frames;
    this.#bytes -= bytes;
    if (this.#isGone) return;
    if (this.#writer && this.#frames <= this.#options.frameBuffer && this.#bytes <= WRITE_AHEAD_BYTES) {
      // In a later turn of the event loop: a handler that never waits for anything else would keep this one to itself for as long
      // as the kernel takes what it writes, and nobody would hear the requester's stop.
      setImmediate(this.#writer.resolve);
      this.#writer = undefined;
    }
    if (this.#frames > 0) return this.#write();
    this.#flushed?.resolve();
    this.#flushed = undefined;
  }

  #listen(chunk: Buffer): void {
    this.#control?.push(chunk);
    try {
      for (let word = this.#control?.next(); word; word = this.#control?.next()) {
        this.#tell(decodeRequesterControl(word));
      }
    } catch (error) {
      log.write('warn', { err: error }, `a requester sent what no worker understands: ${messageOf(error)}`);
      // Nothing that follows can be understood; its end still can.
      this.#control = undefined;
      this.#tell('kill');
    }
  }

  #tell(event: WorkerEvent): void {
    if (!this.#isOver) this.#onEvent(event);
  }

  /** The connection is of no use any more. */
  #lose(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#tell('disconnect');
    this.#isOver = true;
    this.#queue = [];
    this.#socket.destroy();
    this.#writer?.reject(gone());
    this.#writer = undefined;
    this.#flushed?.reject(gone());
    this.#flushed = undefined;
  }
}

/** The same bytes in as few pieces as they lie in memory. */
function joinNeighbours(frames: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let [first] = frames as [Uint8Array];
  let end = first.byteOffset;
  for (const frame of frames) {
    if (frame.byteOffset !== end || frame.buffer !== first.buffer) {
      pieces.push(span(first, end));
      first = frame;
    }
    end = frame.byteOffset + frame.length;
  }
  pieces.push(span(first, end));
  return pieces;
}

function span(first: Uint8Array, end: number): Uint8Array {
  const length = end - first.byteOffset;
  return length === first.length ? first : Buffer.from(first.buffer, first.byteOffset, length);
}

function gone(): ProfiledError {
  return new ProfiledError('PROFILED_DISCONNECTED', 'the response connection is closed; the frame can not arrive');
}
