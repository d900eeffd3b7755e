import { messageOf } from '../errors';
import { STREAM_TYPES, type StreamType } from './connection-info';
import { asObject, asOneOf, asText, kindOf } from './fields';
import { invalidMessage } from './invalid';
import { parseJsonBytes } from './json';
import { encodeTwoPart, type TwoPartMessage } from './two-part';

/** The first frame of a dialled stream, worker to requester: which expected response this is. */
export interface Handshake {
  readonly subject: string;
  readonly streamType: StreamType;
}

export function encodeHandshake({ subject, streamType }: Handshake): Buffer {
  return encodeTwoPart(JSON.stringify({ subject, stream_type: streamType }), '');
}

/** @throws PROFILED_MESSAGE_INVALID */
export function decodeHandshake({ header }: TwoPartMessage): Handshake {
  const fields = asObject(parseJsonBytes(header, 'the handshake'), 'the handshake');
  return {
    subject: asText(fields.subject, '`subject`'),
    streamType: asOneOf(fields.stream_type, STREAM_TYPES, '`stream_type`'),
  };
}

/**
 * The frame before the first item: `null` = a stream follows; text = the request failed and nothing follows. `errorType` is one of
 * Dynamo's names, for its releases since 1.5; older ones read the text alone.
 */
export function encodePrologue(error: string | null, errorType?: string): Buffer {
  const typed = errorType === undefined ? {} : { typed_error: { error_type: errorType, message: error } };
  return encodeTwoPart(JSON.stringify({ error, ...typed }), '');
}

/** The failure that the prologue tells of, or null. Newer releases add a typed error beside the text. @throws PROFILED_MESSAGE_INVALID */
export function decodePrologue({ header, body }: TwoPartMessage): string | null {
  if (header.length === 0 || body.length > 0) throw invalidMessage('the prologue must be a frame with a header only');
  const { error = null } = asObject(parseJsonBytes(header, 'the prologue'), 'the prologue');
  if (error === null || typeof error === 'string') return error;
  throw invalidMessage(`the prologue's \`error\` must be a string or null, got ${kindOf(error)}`);
}

/**
 * The wrapper around an item, as JSON text; `item` is JSON already. Its UTF-8 length is what the response byte counter sees.
 * @example wrapItem('{"data":"t"}') // {"data":{"data":"t"},"complete_final":false}
 */
export function wrapItem(item: string): string {
  return `{"data":${item},"complete_final":false}`;
}

/** The wrapper that ends a stream in order. */
export const FINAL_WRAPPER = '{"complete_final":true}';

/** The frame of one wrapper. */
export function encodeWrapper(wrapper: string): Buffer {
  return encodeTwoPart('', wrapper);
}

/** What may be said beside the data: `stop` and `kill` by the requester, `sentinel` by the worker as its last frame. */
export const CONTROL_WORDS = ['stop', 'kill', 'sentinel'] as const;
export type ControlWord = (typeof CONTROL_WORDS)[number];

export function encodeControl(word: ControlWord): Buffer {
  return encodeTwoPart(JSON.stringify(word), '');
}

/**
 * The word that a requester sent to its worker. @throws PROFILED_MESSAGE_INVALID for everything else, which upstream answers by
 * killing the request
 */
export function decodeRequesterControl({ header, body }: TwoPartMessage): 'stop' | 'kill' {
  if (header.length === 0 || body.length > 0) throw invalidMessage('a requester may send frames with a header only');
  return asOneOf(parseJsonBytes(header, 'the control frame'), ['stop', 'kill'] as const, 'the control frame');
}

/** A frame of a response after its prologue. */
export type ResponseFrame =
  { readonly kind: 'item'; readonly item: unknown } | { readonly kind: 'final' } | { readonly kind: 'sentinel' };

const FINAL: ResponseFrame = Object.freeze({ kind: 'final' });
const SENTINEL: ResponseFrame = Object.freeze({ kind: 'sentinel' });

/** Reads a frame of a worker. @throws PROFILED_MESSAGE_INVALID, also for a wrapper with no data that is not the final one */
export function decodeResponseFrame({ header, body }: TwoPartMessage): ResponseFrame {
  if (header.length > 0) {
    if (body.length > 0) throw invalidMessage('a response frame must have a header or a body, got both');
    asOneOf(parseJsonBytes(header, 'the control frame'), ['sentinel'] as const, 'the control frame');
    return SENTINEL;
  }
  const wrapper = asObject(parseJsonBytes(body, 'the response item'), 'the response item');
  if (wrapper.complete_final === true) return FINAL;
  if (wrapper.data === undefined) throw invalidMessage('a response item without `data` must be the final one');
  return { kind: 'item', item: wrapper.data };
}

/** An item as JSON. What JSON has no form for (undefined, a function) becomes undefined. @throws PROFILED_MESSAGE_INVALID */
export function stringifyItem(item: unknown): string | undefined {
  try {
    return JSON.stringify(item);
  } catch (error) {
    throw invalidMessage(`an item can not be written as JSON: ${messageOf(error)}`, error);
  }
}
