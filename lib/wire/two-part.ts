import { FrameDecoder } from './frame-decoder';
import { invalidMessage } from './invalid';
import { DEFAULT_MAX_MESSAGE_BYTES } from './limits';

/** Header length, body length and checksum, eight bytes each, before every message. */
export const PREFIX_BYTES = 24;

/** The two parts of a message. Either may be empty; upstream calls the kinds header-only, data-only, both and empty. */
export interface TwoPartMessage {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

const TWO_TO_32 = 2 ** 32;

/**
 * One message as bytes: the lengths as big-endian u64, the checksum as 0 (only debug builds of upstream compute one, and a
 * debug reader skips the check when it is 0), then both parts. Strings are written as UTF-8.
 */
export function encodeTwoPart(header: Uint8Array | string, body: Uint8Array | string): Buffer {
  const headerBytes = byteLength(header);
  const bodyBytes = byteLength(body);
  const message = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes + bodyBytes);
  writeLength(message, 0, headerBytes);
  writeLength(message, 8, bodyBytes);
  message.fill(0, 16, PREFIX_BYTES);
  put(message, PREFIX_BYTES, header);
  put(message, PREFIX_BYTES + headerBytes, body);
  return message;
}

/**
 * The parts of the one message that `bytes` is, as views on `bytes`. The checksum is not looked at, and there is no limit: every
 * byte has arrived, so how much there may be was for others to say. @throws PROFILED_MESSAGE_INVALID when bytes are missing or left over
 */
export function decodeTwoPart(bytes: Uint8Array): TwoPartMessage {
  if (bytes.length < PREFIX_BYTES) {
    throw invalidMessage(`a message has a prefix of ${PREFIX_BYTES} bytes, got ${bytes.length} in all`);
  }
  const headerBytes = readLength(bytes, 0);
  const total = PREFIX_BYTES + headerBytes + readLength(bytes, 8);
  if (bytes.length !== total) {
    throw invalidMessage(`the message's prefix announces ${total} bytes, got ${bytes.length}`);
  }
  const bodyStart = PREFIX_BYTES + headerBytes;
  return { header: bytes.subarray(PREFIX_BYTES, bodyStart), body: bytes.subarray(bodyStart) };
}

/** Cuts a byte stream into messages; the limit is for all of one, its prefix included. After a throw every later call throws the same way. */
export class TwoPartDecoder extends FrameDecoder<TwoPartMessage> {
  /** The size of the message that comes next; 0 while that is not known. */
  #total = 0;

  constructor(maxBytes = DEFAULT_MAX_MESSAGE_BYTES) {
    super(maxBytes);
  }

  /** The bytes of the next whole message, prefix included; undefined while some are missing. @throws PROFILED_MESSAGE_INVALID */
  nextFrame(): Buffer | undefined {
    const { queue } = this;
    if (this.#total === 0) {
      if (queue.length < PREFIX_BYTES) return undefined;
      this.#total = checkedTotal(queue.u64(0), queue.u64(8), this.maxBytes);
    }
    if (queue.length < this.#total) return undefined;
    const frame = queue.take(this.#total);
    this.#total = 0;
    return frame;
  }

  /** The parts of {@link nextFrame}. */
  next(): TwoPartMessage | undefined {
    const frame = this.nextFrame();
    return frame && decodeTwoPart(frame);
  }
}

function checkedTotal(headerBytes: number, bodyBytes: number, maxBytes: number): number {
  // Doubles: exact up to 2^53, and beyond that still far above any limit.
  const total = PREFIX_BYTES + headerBytes + bodyBytes;
  if (total > maxBytes) throw invalidMessage(`a message of ${total} bytes is larger than the limit of ${maxBytes}`);
  return total;
}

function readLength(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset) * TWO_TO_32 + readU32(bytes, offset + 4);
}

function readU32(bytes: Uint8Array, i: number): number {
  return bytes[i]! * 0x1000000 + ((bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!);
}

function writeLength(message: Buffer, offset: number, length: number): void {
  message.writeUInt32BE(Math.floor(length / TWO_TO_32), offset);
  message.writeUInt32BE(length % TWO_TO_32, offset + 4);
}

function byteLength(part: Uint8Array | string): number {
  return typeof part === 'string' ? Buffer.byteLength(part) : part.length;
}

function put(message: Buffer, offset: number, part: Uint8Array | string): void {
  if (typeof part === 'string') message.write(part, offset);
  else message.set(part, offset);
}
