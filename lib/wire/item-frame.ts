import { decodeResponseFrame, encodeWrapper, type ResponseFrame, wrapItem } from './response-frames';
import { decodeTwoPart, PREFIX_BYTES } from './two-part';

/** The memory that frames of short items share: to allocate for each would cost more than to encode it. */
const SLAB_BYTES = 64 * 1024;

/** The most that a frame may need of it, in bytes. */
const MAX_SHARE_BYTES = SLAB_BYTES / 4;

/** UTF-8 has at most so many bytes for one UTF-16 unit. */
const BYTES_PER_UNIT = 3;

let slab = Buffer.alloc(0);
let used = 0;

/**
 * The frame of one item, which is JSON already. Frames that are encoded one after the other lie one after the other in memory, so
 * that whoever writes them can do it in one piece; each keeps its neighbours alive.
 */
export function encodeItem(item: string): Buffer {
  const wrapper = wrapItem(item);
  const most = PREFIX_BYTES + wrapper.length * BYTES_PER_UNIT;
  if (most > MAX_SHARE_BYTES) return encodeWrapper(wrapper);
  if (used + most > slab.length) {
    // Zeroed: of a prefix only the body's length is written.
    slab = Buffer.alloc(SLAB_BYTES);
    used = 0;
  }
  const start = used;
  const bodyBytes = slab.write(wrapper, start + PREFIX_BYTES);
  used = start + PREFIX_BYTES + bodyBytes;
  slab[start + 14] = bodyBytes >> 8;
  slab[start + 15] = bodyBytes & 0xff;
  return slab.subarray(start, used);
}

/** Reads a whole frame of a worker. @throws PROFILED_MESSAGE_INVALID as `decodeTwoPart` and `decodeResponseFrame` do */
export function decodeFrame(frame: Uint8Array): ResponseFrame {
  const text = textIn(frame);
  if (text !== undefined) return { kind: 'item', item: { data: text } };
  return decodeResponseFrame(decodeTwoPart(frame));
}

/** What surrounds the text of an item that is text and nothing else, the commonest kind; before it the first half of a prefix. */
const [HEAD, TAIL] = wrapItem('{"data":"|"}')
  .split('|')
  .map((part) => Buffer.from(part)) as [Buffer, Buffer];

/** Longer texts are read faster by the parser of JSON. */
const MAX_PLAIN_BYTES = 128;

/**
 * The text of an item that is text and nothing else, where it is short and has nothing that JSON escapes and nothing beyond ASCII:
 * that is its own JSON. Undefined for all other frames.
 */
function textIn(frame: Uint8Array): string | undefined {
  const from = PREFIX_BYTES + HEAD.length;
  const to = frame.length - TAIL.length;
  if (to < from || to - from > MAX_PLAIN_BYTES || !Buffer.isBuffer(frame)) return undefined;
  for (let i = 0; i < 14; i++) if (frame[i] !== 0) return undefined;
  if (frame.readUInt16BE(14) !== frame.length - PREFIX_BYTES) return undefined;
  for (let i = 0; i < HEAD.length; i++) if (frame[PREFIX_BYTES + i] !== HEAD[i]) return undefined;
  for (let i = 0; i < TAIL.length; i++) if (frame[to + i] !== TAIL[i]) return undefined;
  for (let i = from; i < to; i++) {
    const byte = frame[i]!;
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return undefined;
  }
  return frame.toString('latin1', from, to);
}
