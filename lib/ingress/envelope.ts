import { type ErrorType, ProfiledError } from '../errors';
import { decodeControlMessage, type RequestControlMessage } from '../wire/control-message';
import { invalidMessage } from '../wire/invalid';
import { decodeTwoPart, type TwoPartMessage } from '../wire/two-part';

/** What is wrong with a payload, and how it is counted. */
export interface Fault {
  readonly type: ErrorType;
  readonly error: ProfiledError;
}

/**
 * A payload, opened as far as possible. With a control message there is a way to tell the requester of the fault; without one
 * there is always a fault.
 */
export type Envelope =
  | { readonly control: RequestControlMessage; readonly body: Uint8Array; readonly fault?: Fault }
  | { readonly control?: undefined; readonly fault: Fault };

/** Opens a payload that anyone may have sent. The body is only cut out, not read. Never throws. */
export function openEnvelope(payload: Uint8Array): Envelope {
  let parts: TwoPartMessage;
  let control: RequestControlMessage;
  try {
    parts = decodeTwoPart(payload);
    if (parts.header.length === 0) return { fault: invalid('the request has no control header') };
    control = decodeControlMessage(parts.header);
  } catch (error) {
    return { fault: { type: 'deserialization', error: ProfiledError.from(error) } };
  }
  return { control, body: parts.body, fault: faultOf(control, parts.body) };
}

function faultOf({ requestType }: RequestControlMessage, body: Uint8Array): Fault | undefined {
  if (requestType === 'many_in') return invalid('`many_in` requests are not supported; send `single_in`');
  return body.length === 0 ? invalid('the request has no body') : undefined;
}

function invalid(text: string): Fault {
  return { type: 'invalid_message', error: invalidMessage(text) };
}
