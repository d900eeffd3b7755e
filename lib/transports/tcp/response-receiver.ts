import type { Socket } from 'node:net';
import { type Deferred, deferred } from '../../internal/deferred';
import { encodeControl } from '../../wire/response-frames';
import type { TwoPartDecoder } from '../../wire/two-part';
import type { ControlSignal, ResponseReceiver } from '../transport';

/** How much is read ahead of a reader that is behind, in bytes, give or take a chunk; the kernel holds up what follows. */
export const READ_AHEAD_BYTES = 256 * 1024;

/** The requester's end of one response. It reads the socket only as far as it is asked to, apart from a little ahead. */
export class TcpResponseReceiver implements ResponseReceiver {
  readonly #socket: Socket;
  readonly #decoder: TwoPartDecoder;
  readonly #onClose: () => void;
  readonly #said = new Set<ControlSignal>();
  #reader: Deferred<Uint8Array | undefined> | undefined;
  #isPaused = false;
  #hasEnded = false;
  #isClosed = false;

  /** Takes over the socket, whose errors are heard already; `decoder` holds what was received before. `onClose` is called once. */
  constructor(socket: Socket, decoder: TwoPartDecoder, onClose: () => void) {
    this.#socket = socket;
    this.#decoder = decoder;
    this.#onClose = onClose;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.once('end', () => this.#end());
    socket.once('close', () => {
      this.#end();
      this.#onClose();
    });
  }

  receive(): Promise<Uint8Array | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    try {
      const frame = this.#next();
      if (frame || this.#hasEnded) return Promise.resolve(frame);
    } catch (error) {
      this.close();
      return Promise.reject(error);
    }
    return (this.#reader ??= deferred()).promise;
  }

  receiveNow(): Uint8Array | undefined {
    if (this.#isClosed || this.#reader) return undefined;
    try {
      return this.#next();
    } catch {
      // The decoder throws it again for `receive`.
      return undefined;
    }
  }

  control(signal: ControlSignal): void {
    // A second time would tell the worker nothing, and a worker that does not read would let them pile up.
    if (this.#said.has(signal) || !this.#socket.writable) return;
    this.#said.add(signal);
    this.#socket.write(encodeControl(signal));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end();
    // A last word that the kernel has not taken yet goes before.
    if (this.#socket.writableLength > 0) this.#socket.destroySoon();
    else this.#socket.destroy();
  }

  #next(): Uint8Array | undefined {
    const frame = this.#decoder.nextFrame();
    if (this.#isPaused && (!frame || this.#decoder.buffered < READ_AHEAD_BYTES / 2)) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    return frame;
  }

  #receive(chunk: Buffer): void {
    if (this.#isClosed) return;
    this.#decoder.push(chunk);
    if (this.#reader) return this.#answer();
    if (this.#decoder.buffered < READ_AHEAD_BYTES) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  /** Gives the reader that waits its frame, if it is complete. */
  #answer(): void {
    try {
      const frame = this.#decoder.nextFrame();
      if (!frame) return;
      this.#reader?.resolve(frame);
    } catch (error) {
      this.#reader?.reject(error);
      this.#reader = undefined;
      return this.close();
    }
    this.#reader = undefined;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
  }
}
