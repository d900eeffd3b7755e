import { asObject, asOneOf, asText, kindOf, optional } from './fields';
import { invalidMessage } from './invalid';
import { decodeUtf8, parseBigJson, stringifyBigJson } from './json';

export const REQUEST_TYPES = ['single_in', 'many_in'] as const;
export type RequestType = (typeof REQUEST_TYPES)[number];

export const RESPONSE_TYPES = ['single_out', 'many_out'] as const;
export type ResponseType = (typeof RESPONSE_TYPES)[number];

export const PAYLOAD_CODECS = ['json', 'msgpack'] as const;
export type PayloadCodec = (typeof PAYLOAD_CODECS)[number];

/** How much of a name in the metadata an error repeats, in characters. */
const SHOWN_KEY = 64;

/** How the worker reaches the requester: the name of a response plane, and what only that plane understands. */
export interface ConnectionInfo {
  readonly transport: string;
  /** Opaque text; for `tcp_server` the JSON of a `CallHomeAddress`. */
  readonly info: string;
}

/** The header of a request: who asks, for what kind of exchange, and where the answer goes. Always JSON. */
export interface RequestControlMessage {
  /** Identity of the request; the context's id on both sides. */
  readonly id: string;
  readonly requestType: RequestType;
  readonly responseType: ResponseType;
  /** Codec of the body and of the items. Since Dynamo 1.3; workers of every version take absent for `json`. */
  readonly payloadCodec?: PayloadCodec | undefined;
  readonly connectionInfo: ConnectionInfo;
  /** When the requester sent it, in Unix nanoseconds. Beyond 2^53. */
  readonly frontendSendTsNs?: bigint | undefined;
  /** Left out of the message when empty. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The message as compact JSON, fields in the order in which upstream writes them. */
export function encodeControlMessage(message: RequestControlMessage): string {
  const { metadata } = message;
  return stringifyBigJson({
    id: message.id,
    request_type: message.requestType,
    response_type: message.responseType,
    payload_codec: message.payloadCodec,
    connection_info: { transport: message.connectionInfo.transport, info: message.connectionInfo.info },
    frontend_send_ts_ns: message.frontendSendTsNs,
    metadata: metadata && Object.keys(metadata).length > 0 ? metadata : undefined,
  });
}

/** Reads a header that anyone may have sent. Fields that are not known are passed over. @throws PROFILED_MESSAGE_INVALID */
export function decodeControlMessage(header: Uint8Array): RequestControlMessage {
  const fields = asObject(
    parseBigJson(decodeUtf8(header, 'the control header'), 'the control header'),
    'the control header',
  );
  const info = asObject(fields.connection_info, '`connection_info`');
  return {
    id: asText(fields.id, '`id`'),
    requestType: asOneOf(fields.request_type, REQUEST_TYPES, '`request_type`'),
    responseType: asOneOf(fields.response_type, RESPONSE_TYPES, '`response_type`'),
    payloadCodec: optional(fields.payload_codec, (codec) => asOneOf(codec, PAYLOAD_CODECS, '`payload_codec`')),
    connectionInfo: {
      transport: asText(info.transport, '`connection_info.transport`'),
      info: asText(info.info, '`connection_info.info`'),
    },
    frontendSendTsNs: optional(fields.frontend_send_ts_ns, asTimestamp),
    metadata: optional(fields.metadata, asTextMap),
  };
}

function asTimestamp(value: unknown): bigint {
  if (typeof value === 'bigint' && value >= 0n) return value;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return BigInt(value as number);
  throw invalidMessage(`\`frontend_send_ts_ns\` must be an integer of 0 or more, got ${kindOf(value)}`);
}

function asTextMap(value: unknown): Record<string, string> {
  const fields = asObject(value, '`metadata`');
  for (const [key, text] of Object.entries(fields)) {
    if (typeof text !== 'string')
      throw invalidMessage(`\`metadata.${key.slice(0, SHOWN_KEY)}\` must be a string, got ${kindOf(text)}`);
  }
  return fields as Record<string, string>;
}
