import { FrameDecoder } from './frame-decoder';
import { invalidMessage } from './invalid';
import { DEFAULT_MAX_MESSAGE_BYTES } from './limits';

/** One request as it stands on a TCP connection of the request plane (protocol, section 4.1). */
export interface RequestFrame {
  /** What followed the first `/` of the address; opaque for the client. Bytes that are not UTF-8 read as U+FFFD. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** A view on what was received. */
  readonly payload: Buffer;
  /** The size of the whole frame. */
  readonly bytes: number;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});
const MAX_U16 = 0xffff;

/**
 * Everything of a request frame that stands before its payload: u16 path length, path, u16 headers length, headers as a JSON
 * object, u32 payload length, all big-endian. @throws PROFILED_MESSAGE_INVALID if path or headers have more than 65535 bytes
 */
export function encodeRequestHead(path: string, headers: RequestFrame['headers'], payloadBytes: number): Buffer {
  const json = JSON.stringify(headers);
  const pathBytes = atMost64K('the path of a request', path);
  const jsonBytes = atMost64K('the headers of a request', json);
  const head = Buffer.allocUnsafe(2 + pathBytes + 2 + jsonBytes + 4);
  head.writeUInt16BE(pathBytes, 0);
  head.write(path, 2);
  head.writeUInt16BE(jsonBytes, 2 + pathBytes);
  head.write(json, 4 + pathBytes);
  head.writeUInt32BE(payloadBytes, 4 + pathBytes + jsonBytes);
  return head;
}

/** Cuts a byte stream into requests; the limit is for all parts together. After a throw every later `next` throws the same way. */
export class RequestFrameDecoder extends FrameDecoder<RequestFrame> {
  /** Where the headers' length, the payload's length and the next frame begin; 0 while that is not known. */
  #headersAt = 0;
  #payloadAt = 0;
  #total = 0;
  /** How many bytes there must be before there is anything to do. */
  #needed = 2;

  constructor(maxBytes = DEFAULT_MAX_MESSAGE_BYTES) {
    super(maxBytes);
  }

  next(): RequestFrame | undefined {
    while (this.#needed <= this.maxBytes && this.queue.length >= this.#needed) {
      if (this.#total > 0) return this.#take();
      this.#measure();
    }
    if (this.#needed <= this.maxBytes) return undefined;
    throw invalidMessage(`a request of ${this.#needed} bytes or more is larger than the limit of ${this.maxBytes}`);
  }

  #measure(): void {
    const { queue } = this;
    if (this.#headersAt === 0) {
      this.#headersAt = 2 + queue.u16(0);
      this.#needed = this.#headersAt + 2;
    } else if (this.#payloadAt === 0) {
      this.#payloadAt = this.#headersAt + 2 + queue.u16(this.#headersAt);
      this.#needed = this.#payloadAt + 4;
    } else {
      this.#needed = this.#total = this.#payloadAt + 4 + queue.u32(this.#payloadAt);
    }
  }

  #take(): RequestFrame {
    const bytes = this.#total;
    const frame = this.queue.take(bytes);
    const path = frame.toString('utf8', 2, this.#headersAt);
    const headers = readHeaders(frame, this.#headersAt + 2, this.#payloadAt);
    const payload = frame.subarray(this.#payloadAt + 4);
    this.#headersAt = this.#payloadAt = this.#total = 0;
    this.#needed = 2;
    return { path, headers, payload, bytes };
  }
}

/** Upstream servers take no bytes and malformed JSON for no headers; a value that is no text is left out. */
function readHeaders(frame: Buffer, from: number, to: number): RequestFrame['headers'] {
  if (to - from <= 2) return NO_HEADERS;
  let parsed: unknown;
  try {
    parsed = JSON.parse(frame.toString('utf8', from, to));
  } catch {
    return NO_HEADERS;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return NO_HEADERS;
  const texts = Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  // Not by assignment, which `__proto__` as a name would break.
  return Object.fromEntries(texts.map(([name, value]) => [name.toLowerCase(), value]));
}

function atMost64K(what: string, text: string): number {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_U16) return bytes;
  throw invalidMessage(`${what} can have ${MAX_U16} bytes, got ${bytes}`);
}
