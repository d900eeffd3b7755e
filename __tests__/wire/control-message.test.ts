import fc from 'fast-check';
import { ProfiledError } from '../../lib/errors';
import { decodeConnectionInfo, encodeConnectionInfo } from '../../lib/wire/connection-info';
import { decodeControlMessage, encodeControlMessage, type RequestControlMessage } from '../../lib/wire/control-message';

const ID = '5b6c7a52-6f6e-4c2a-9a41-2a7d1f0b9e11';
const SUBJECT = 'c1f1d0a0-0000-4000-8000-000000000001';
const address = { address: '10.0.0.5:41233', subject: SUBJECT, context: ID, streamType: 'response' } as const;
const message: RequestControlMessage = {
  id: ID,
  requestType: 'single_in',
  responseType: 'many_out',
  connectionInfo: encodeConnectionInfo(address),
};
const CONNECTION = `"connection_info":{"transport":"tcp_server","info":"{\\"address\\":\\"10.0.0.5:41233\\",\\"subject\\":\\"${SUBJECT}\\",\\"context\\":\\"${ID}\\",\\"stream_type\\":\\"response\\"}"}`;
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

/** The message as the JSON that the first release wrote, with some fields changed. */
const wire = (changes: Record<string, unknown> = {}) =>
  bytes({ ...(JSON.parse(encodeControlMessage(message)) as object), ...changes });

describe('the control message', () => {
  it('is written as the first release wrote it', () => {
    const json = encodeControlMessage(message);
    expect(json).toBe(`{"id":"${ID}","request_type":"single_in","response_type":"many_out",${CONNECTION}}`);
    // 307 bytes beside the address: what the documented byte counts are made of.
    expect(json.length - address.address.length).toBe(307);
  });

  it('is written as newer releases do when it carries more', () => {
    const full = {
      ...message,
      payloadCodec: 'json',
      frontendSendTsNs: 1764000000123456789n,
      metadata: { a: 'b' },
    } as const;
    expect(encodeControlMessage(full)).toBe(
      `{"id":"${ID}","request_type":"single_in","response_type":"many_out","payload_codec":"json",${CONNECTION},` +
        '"frontend_send_ts_ns":1764000000123456789,"metadata":{"a":"b"}}',
    );
    expect(decodeControlMessage(bytes(encodeControlMessage(full)))).toEqual(full);
  });

  it('leaves empty metadata out', () => {
    expect(encodeControlMessage({ ...message, metadata: {} })).toBe(encodeControlMessage(message));
  });

  it('passes over fields that it does not know, and takes null for absent', () => {
    const decoded = decodeControlMessage(
      wire({ some_day: [1], metadata: null, payload_codec: null, frontend_send_ts_ns: 5 }),
    );
    expect(decoded).toEqual({ ...message, frontendSendTsNs: 5n });
  });

  it.each<[string, Record<string, unknown>]>([
    ['`id` must be a string that is not empty, got nothing', { id: undefined }],
    ['`id` must be a string that is not empty, got a number', { id: 7 }],
    ['`id` must be a string that is not empty, got ""', { id: '' }],
    ['`request_type` must be one of single_in, many_in, got "no_in"', { request_type: 'no_in' }],
    ['`response_type` must be one of single_out, many_out, got null', { response_type: null }],
    ['`payload_codec` must be one of json, msgpack, got "xml"', { payload_codec: 'xml' }],
    ['`connection_info` must be an object, got a list', { connection_info: [] }],
    ['`connection_info.transport` must be a string', { connection_info: { info: '{}' } }],
    ['`connection_info.info` must be a string', { connection_info: { transport: 'tcp_server', info: {} } }],
    ['`frontend_send_ts_ns` must be an integer of 0 or more', { frontend_send_ts_ns: -1 }],
    ['`frontend_send_ts_ns` must be an integer of 0 or more', { frontend_send_ts_ns: 1.5 }],
    ['`metadata.a` must be a string, got a number', { metadata: { a: 1 } }],
  ])('refuses: %s', (complaint, changes) => {
    expect(() => decodeControlMessage(wire(changes))).toThrow(complaint);
  });

  it.each(['', '{', 'null', '[]', '"text"', '12'])('refuses the header %j', (json) => {
    expect(() => decodeControlMessage(bytes(json))).toThrow('the control header');
  });

  it('shows no more than the beginning of a long value', () => {
    expect(() => decodeControlMessage(wire({ request_type: 'x'.repeat(10_000) }))).toThrow(/got "x{64}\.\.\."$/);
  });

  it('throws nothing but PROFILED_MESSAGE_INVALID, whatever JSON it is given', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        try {
          decodeControlMessage(bytes(json));
        } catch (error) {
          expect(ProfiledError.is(error) && error.code).toBe('PROFILED_MESSAGE_INVALID');
        }
      }),
    );
  });
});

describe('connection info', () => {
  it('gives back what was encoded', () => {
    expect(decodeConnectionInfo(message.connectionInfo, ID)).toEqual(address);
  });

  it.each<[string, Record<string, unknown>]>([
    ['`stream_type` must be "response", got "request"', { stream_type: 'request' }],
    ['`stream_type` must be one of response, request', { stream_type: 'both' }],
    ["`context` must be the request's id", { context: 'another' }],
    ['`subject` must be a string that is not empty, got nothing', { subject: undefined }],
    ['`address` must be a string that is not empty, got an object', { address: {} }],
  ])('refuses: %s', (complaint, changes) => {
    const info = { ...(JSON.parse(message.connectionInfo.info) as object), ...changes };
    expect(() => decodeConnectionInfo({ transport: 'tcp_server', info: JSON.stringify(info) }, ID)).toThrow(complaint);
  });

  it('refuses another plane, and info that is no JSON', () => {
    expect(() => decodeConnectionInfo({ transport: 'quic', info: '{}' }, ID)).toThrow(
      'must be "tcp_server", got "quic"',
    );
    expect(() => decodeConnectionInfo({ transport: 'tcp_server', info: '{' }, ID)).toThrow('is not valid JSON');
  });
});
