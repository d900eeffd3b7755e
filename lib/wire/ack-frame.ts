import { FrameDecoder } from './frame-decoder';
import { invalidMessage } from './invalid';

/** The longest acknowledgement that a client takes; upstream's are one line of text. */
export const MAX_ACK_BYTES = 64 * 1024;

const LENGTH_BYTES = 4;

/** Acknowledgements in their order, as they stand on a TCP connection: each a big-endian u32 length and that many bytes. */
export function encodeAcks(acks: readonly Uint8Array[]): Buffer {
  let total = 0;
  for (const ack of acks) total += LENGTH_BYTES + ack.length;
  const bytes = Buffer.allocUnsafe(total);
  let at = 0;
  for (const ack of acks) {
    at = bytes.writeUInt32BE(ack.length, at);
    bytes.set(ack, at);
    at += ack.length;
  }
  return bytes;
}

/** Cuts a byte stream into acknowledgements. */
export class AckDecoder extends FrameDecoder<Buffer> {
  constructor() {
    super(MAX_ACK_BYTES);
  }

  next(): Buffer | undefined {
    const { queue } = this;
    if (queue.length < LENGTH_BYTES) return undefined;
    const length = queue.u32(0);
    if (length > this.maxBytes) {
      throw invalidMessage(`an acknowledgement can have ${this.maxBytes} bytes, got ${length}`);
    }
    return queue.length < LENGTH_BYTES + length ? undefined : queue.take(LENGTH_BYTES + length).subarray(LENGTH_BYTES);
  }
}
