import type { ConnectionInfo } from './control-message';
import { asObject, asOneOf, asText, kindOf } from './fields';
import { invalidMessage } from './invalid';
import { parseBigJson } from './json';

/** Where a worker dials to, and how it says which request it answers. */
export interface CallHomeAddress {
  /** `host:port`; a transport other than TCP has its own form. */
  readonly address: string;
  /** Names the one response that is expected; the worker repeats it in its handshake. A UUID v4. */
  readonly subject: string;
  /** The request's id. */
  readonly context: string;
  readonly streamType: StreamType;
}

export const STREAM_TYPES = ['response', 'request'] as const;
export type StreamType = (typeof STREAM_TYPES)[number];

/** The name under which the TCP response plane goes on the wire. */
export const TCP_SERVER = 'tcp_server';

export function encodeConnectionInfo({ address, subject, context, streamType }: CallHomeAddress): ConnectionInfo {
  return { transport: TCP_SERVER, info: JSON.stringify({ address, subject, context, stream_type: streamType }) };
}

/**
 * Reads connection info and makes the checks of an upstream worker: the plane is `tcp_server`, the stream is a response, and
 * its context is the request `contextId`. @throws PROFILED_MESSAGE_INVALID
 */
export function decodeConnectionInfo({ transport, info }: ConnectionInfo, contextId: string): CallHomeAddress {
  if (transport !== TCP_SERVER) {
    throw invalidMessage(`\`connection_info.transport\` must be "${TCP_SERVER}", got ${kindOf(transport)}`);
  }
  const fields = asObject(parseBigJson(info, '`connection_info.info`'), '`connection_info.info`');
  const streamType = asOneOf(fields.stream_type, STREAM_TYPES, '`stream_type`');
  if (streamType !== 'response') throw invalidMessage('`stream_type` must be "response", got "request"');
  const context = asText(fields.context, '`context`');
  if (context !== contextId) {
    throw invalidMessage(`\`context\` must be the request's id ${kindOf(contextId)}, got ${kindOf(context)}`);
  }
  return {
    address: asText(fields.address, '`address`'),
    subject: asText(fields.subject, '`subject`'),
    context,
    streamType,
  };
}
