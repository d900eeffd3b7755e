/**
 * The header that says when a request was sent, in Unix nanoseconds. Unlike the field `frontend_send_ts_ns` of the control
 * message it adds nothing to the payload, whose length is counted.
 */
export const SEND_TIME_HEADER = 'x-frontend-send-ts-ns';

/** The time that the header says; undefined without one, and for text that is no u64: a wrong stamp is as good as none. */
export function decodeSendTime(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
}
