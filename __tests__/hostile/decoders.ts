import { decodeRecord, encodeRecord, fileNameOf } from '../../lib/discovery/file-record';
import { instanceKey } from '../../lib/discovery/instance';
import { openEnvelope } from '../../lib/ingress/envelope';
import { parseSocketAddress, splitAddress } from '../../lib/transports/tcp/address';
import { ProfiledError } from '../../lib/errors';
import { parseEndpointPath } from '../../lib/runtime/names';
import { refusalReason } from '../../lib/wire/ack';
import { AckDecoder, encodeAcks } from '../../lib/wire/ack-frame';
import { decodeConnectionInfo, encodeConnectionInfo } from '../../lib/wire/connection-info';
import { decodeControlMessage, encodeControlMessage } from '../../lib/wire/control-message';
import { decodeUtf8, parseBigJson, parseJsonBytes } from '../../lib/wire/json';
import { encodeRequestHead, RequestFrameDecoder } from '../../lib/wire/request-frame';
import {
  decodeHandshake,
  decodePrologue,
  decodeRequesterControl,
  decodeResponseFrame,
  encodeControl,
  encodeHandshake,
  encodePrologue,
  encodeWrapper,
  FINAL_WRAPPER,
  wrapItem,
} from '../../lib/wire/response-frames';
import { decodeSendTime } from '../../lib/wire/send-time';
import { decodeTwoPart, encodeTwoPart, TwoPartDecoder } from '../../lib/wire/two-part';

/** Something that reads bytes which anyone may have sent, and messages that it takes. */
export interface Decoder {
  readonly name: string;
  readonly samples: readonly Buffer[];
  /** May throw PROFILED_MESSAGE_INVALID, and nothing else. */
  readonly decode: (bytes: Buffer) => unknown;
}

/** A decoder whose message is JSON, or has JSON in its header or its body. */
export interface JsonDecoder {
  readonly name: string;
  readonly json: string;
  readonly decode: (json: string) => unknown;
}

/** A decoder that is given a stream piece by piece. */
export interface StreamDecoder {
  readonly name: string;
  readonly samples: readonly Buffer[];
  readonly open: () => { push(chunk: Buffer): void; next(): unknown };
}

export const ID = '1f0c2f6e-6b1f-4b7e-9f2a-3d1f5f3c9a10';
const SUBJECT = '5f3c9a10-6b1f-4b7e-9f2a-1f0c2f6e3d1f';
const INFO = encodeConnectionInfo({
  address: '127.0.0.1:4000',
  subject: SUBJECT,
  context: ID,
  streamType: 'response',
});
const CONTROL = encodeControlMessage({
  id: ID,
  requestType: 'single_in',
  responseType: 'many_out',
  payloadCodec: 'json',
  connectionInfo: INFO,
  frontendSendTsNs: 1_790_000_000_000_000_001n,
  metadata: { tenant: 'é', key: '🙂' },
});
const INSTANCE = {
  namespace: 'n',
  component: 'c-1',
  endpoint: 'e',
  instanceId: 0xfedcba9876543210n,
  transport: { kind: 'tcp', address: '127.0.0.1:4000/fedcba9876543210/n/c-1/e' },
  requestPlaneCodec: 'json',
} as const;
const RECORD = encodeRecord(INSTANCE);
const RECORD_NAME = fileNameOf(instanceKey(INSTANCE));
const ITEM = wrapItem(
  '{"data":{"text":"é🙂","n":1.5,"list":[null,true]},"id":"7","event":"error","comment":["x"],"error":{"message":"x"}}',
);

const headerOnly = (json: string) => decodeTwoPart(encodeTwoPart(json, ''));
const dataOnly = (json: string) => decodeTwoPart(encodeTwoPart('', json));

export const JSON_DECODERS: readonly JsonDecoder[] = [
  { name: 'the control message', json: CONTROL, decode: (json) => decodeControlMessage(Buffer.from(json)) },
  {
    name: 'connection info',
    json: INFO.info,
    decode: (info) => decodeConnectionInfo({ transport: 'tcp_server', info }, ID),
  },
  {
    name: 'the handshake',
    json: `{"subject":"${SUBJECT}","stream_type":"response"}`,
    decode: (json) => decodeHandshake(headerOnly(json)),
  },
  { name: 'the prologue', json: '{"error":"no luck"}', decode: (json) => decodePrologue(headerOnly(json)) },
  { name: "a requester's word", json: '"stop"', decode: (json) => decodeRequesterControl(headerOnly(json)) },
  { name: 'a response item', json: ITEM, decode: (json) => decodeResponseFrame(dataOnly(json)) },
  { name: "a worker's word", json: '"sentinel"', decode: (json) => decodeResponseFrame(headerOnly(json)) },
  { name: 'the record of an instance', json: RECORD, decode: (json) => decodeRecord(RECORD_NAME, json) },
  { name: 'BigInt-safe JSON', json: CONTROL, decode: (json) => parseBigJson(json, 'the text') },
  { name: 'plain JSON', json: ITEM, decode: (json) => parseJsonBytes(Buffer.from(json), 'the text') },
];

const requestFrame = (path: string, headers: Record<string, string>, payload: Buffer) =>
  Buffer.concat([encodeRequestHead(path, headers, payload.length), payload]);

export const STREAM_DECODERS: readonly StreamDecoder[] = [
  {
    name: 'the two-part stream',
    samples: [
      encodeTwoPart(CONTROL, '"hi"'),
      encodeWrapper(ITEM),
      encodeControl('sentinel'),
      encodeTwoPart('', ''),
      encodeTwoPart('', Buffer.alloc(3000, 1)),
    ],
    open: () => new TwoPartDecoder(),
  },
  {
    name: 'the request stream',
    samples: [
      requestFrame('1f/n/c/e', {}, encodeTwoPart(CONTROL, '"hi"')),
      requestFrame('1f/n/c/é', { 'request-id': ID, Other: 'é' }, Buffer.from('x')),
      requestFrame('', { ['__proto__']: 'x' }, Buffer.alloc(0)),
      requestFrame('p'.repeat(600), {}, Buffer.alloc(3000, 1)),
    ],
    open: () => new RequestFrameDecoder(),
  },
  {
    name: 'the acknowledgement stream',
    samples: [encodeAcks([Buffer.alloc(0), Buffer.from('Server overloaded: é')]), encodeAcks([Buffer.alloc(2000, 65)])],
    open: () => new AckDecoder(),
  },
];

const text = (bytes: Buffer) => decodeUtf8(bytes, 'the text');

/** What may not throw at all: any outcome is a value. */
const never = (name: string, samples: readonly string[], decode: (bytes: Buffer) => unknown): Decoder => ({
  name,
  samples: samples.map((sample) => Buffer.from(sample)),
  decode: (bytes) => {
    try {
      return decode(bytes);
    } catch (error) {
      throw new Error(`${name} threw`, { cause: error });
    }
  },
});

/** Every decoder that there is, as a function of bytes. */
export const DECODERS: readonly Decoder[] = [
  ...JSON_DECODERS.map(({ name, json, decode }) => ({
    name: `${name}, as text`,
    samples: [Buffer.from(json)],
    decode: (bytes: Buffer) => decode(text(bytes)),
  })),
  ...STREAM_DECODERS.map(({ name, samples, open }) => ({
    name,
    samples: [...samples, Buffer.concat(samples)],
    decode: (bytes: Buffer) => readAll(open(), [bytes]),
  })),
  {
    name: 'the two-part message',
    samples: STREAM_DECODERS[0]!.samples,
    decode: (bytes) => decodeTwoPart(bytes),
  },
  {
    name: 'the handshake',
    samples: [encodeHandshake({ subject: SUBJECT, streamType: 'response' })],
    decode: (bytes) => decodeHandshake(decodeTwoPart(bytes)),
  },
  {
    name: 'the prologue',
    samples: [encodePrologue(null), encodePrologue('é')],
    decode: (bytes) => decodePrologue(decodeTwoPart(bytes)),
  },
  {
    name: "a requester's word",
    samples: [encodeControl('stop'), encodeControl('kill')],
    decode: (bytes) => decodeRequesterControl(decodeTwoPart(bytes)),
  },
  {
    name: 'a response frame',
    samples: [encodeWrapper(ITEM), encodeWrapper(FINAL_WRAPPER), encodeControl('sentinel')],
    decode: (bytes) => decodeResponseFrame(decodeTwoPart(bytes)),
  },
  {
    name: 'the name of a record',
    samples: [Buffer.from(RECORD_NAME)],
    decode: (bytes) => decodeRecord(bytes.toString(), RECORD),
  },
  {
    name: "an endpoint's path",
    samples: [Buffer.from('dyn://a.b.c'), Buffer.from('a.b.c.d')],
    decode: (bytes) => {
      try {
        return parseEndpointPath(bytes.toString());
      } catch (error) {
        if (ProfiledError.is(error) && error.code === 'PROFILED_TARGET_INVALID') return undefined;
        throw error;
      }
    },
  },
  never('an envelope', [encodeTwoPart(CONTROL, '"hi"').toString('latin1')], (bytes) =>
    openEnvelope(Buffer.from(bytes.toString(), 'latin1')),
  ),
  never('an address', ['tcp://127.0.0.1:80/1f/n/c/e', '[::1]:80/x', '[fe80::1%lo]:80/x'], (bytes) =>
    parseSocketAddress(splitAddress(bytes.toString()).authority),
  ),
  never('a time of sending', ['1790000000000000001'], (bytes) => decodeSendTime(bytes.toString())),
  never('an acknowledgement', ['', 'Server overloaded: é'], refusalReason),
];

/** A message with its bytes as hex, which is compared in no time. */
function plain(message: unknown): unknown {
  if (message instanceof Uint8Array) return Buffer.from(message).toString('hex');
  if (typeof message !== 'object' || message === null) return message;
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, plain(value)]));
}

/** Everything that a stream decoder finds in the chunks; what it throws comes last. */
export function readAll(decoder: ReturnType<StreamDecoder['open']>, chunks: readonly Buffer[]): unknown[] {
  const found: unknown[] = [];
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let message = decoder.next(); message !== undefined; message = decoder.next()) found.push(plain(message));
    }
  } catch (error) {
    if (!isInvalid(error)) throw error;
    found.push('invalid');
  }
  return found;
}

export function isInvalid(error: unknown): boolean {
  return ProfiledError.is(error) && error.code === 'PROFILED_MESSAGE_INVALID';
}

/** Whether the bytes were taken. @throws whatever is no PROFILED_MESSAGE_INVALID */
export function isTaken(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (isInvalid(error)) return false;
    throw error;
  }
}
