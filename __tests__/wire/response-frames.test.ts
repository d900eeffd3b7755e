import fc from 'fast-check';
import { ProfiledError } from '../../lib/errors';
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
  stringifyItem,
  wrapItem,
} from '../../lib/wire/response-frames';
import { refusal, refusalReason } from '../../lib/wire/ack';
import { decodeTwoPart, encodeTwoPart } from '../../lib/wire/two-part';

const parts = (header: string, body = '') => decodeTwoPart(encodeTwoPart(header, body));
const shown = (frame: Uint8Array) => {
  const { header, body } = decodeTwoPart(frame);
  return [Buffer.from(header).toString(), Buffer.from(body).toString()];
};

describe('response frames', () => {
  it.each([
    [
      'handshake',
      encodeHandshake({ subject: 's', streamType: 'response' }),
      ['{"subject":"s","stream_type":"response"}', ''],
    ],
    ['prologue', encodePrologue(null), ['{"error":null}', '']],
    ['error prologue', encodePrologue('no "luck"'), ['{"error":"no \\"luck\\""}', '']],
    [
      'typed error prologue',
      encodePrologue('no', 'InvalidArgument'),
      ['{"error":"no","typed_error":{"error_type":"InvalidArgument","message":"no"}}', ''],
    ],
    ['item', encodeWrapper(wrapItem('{"data":"t"}')), ['', '{"data":{"data":"t"},"complete_final":false}']],
    ['final marker', encodeWrapper(FINAL_WRAPPER), ['', '{"complete_final":true}']],
    ['stop', encodeControl('stop'), ['"stop"', '']],
    ['kill', encodeControl('kill'), ['"kill"', '']],
    ['sentinel', encodeControl('sentinel'), ['"sentinel"', '']],
  ])('writes the %s as the protocol does', (_, frame, expected) => {
    expect(shown(frame)).toEqual(expected);
  });

  it('reads what it wrote', () => {
    expect(decodeHandshake(parts('{"subject":"s","stream_type":"response"}'))).toEqual({
      subject: 's',
      streamType: 'response',
    });
    expect(decodePrologue(parts('{"error":null}'))).toBeNull();
    expect(decodePrologue(parts('{"error":"text","typed_error":{"a":1}}'))).toBe('text');
    expect(decodePrologue(parts('{}'))).toBeNull();
    expect(decodeResponseFrame(parts('', wrapItem('{"data":"t"}')))).toEqual({ kind: 'item', item: { data: 't' } });
    expect(decodeResponseFrame(parts('', '{"data":null,"complete_final":false}'))).toEqual({
      kind: 'item',
      item: null,
    });
    expect(decodeResponseFrame(parts('', FINAL_WRAPPER))).toEqual({ kind: 'final' });
    expect(decodeResponseFrame(parts('"sentinel"'))).toEqual({ kind: 'sentinel' });
    expect(decodeRequesterControl(parts('"stop"'))).toBe('stop');
    expect(decodeRequesterControl(parts('"kill"'))).toBe('kill');
  });

  it.each<[string, () => unknown, string]>([
    [
      'a wrapper without data that is not final',
      () => decodeResponseFrame(parts('', '{"complete_final":false}')),
      'without `data`',
    ],
    ['an empty frame', () => decodeResponseFrame(parts('')), 'not valid JSON'],
    ['a frame with both parts', () => decodeResponseFrame(parts('"sentinel"', '{}')), 'got both'],
    ['a stop of the worker', () => decodeResponseFrame(parts('"stop"')), 'must be one of sentinel'],
    ['a wrapper that is a list', () => decodeResponseFrame(parts('', '[]')), 'must be an object, got a list'],
    ['a sentinel of the requester', () => decodeRequesterControl(parts('"sentinel"')), 'must be one of stop, kill'],
    ['data of the requester', () => decodeRequesterControl(parts('', '{}')), 'frames with a header only'],
    ['a prologue with a body', () => decodePrologue(parts('{"error":null}', '{}')), 'a header only'],
    ['an item in place of the prologue', () => decodePrologue(parts('', wrapItem('1'))), 'a header only'],
    ['a prologue with a number', () => decodePrologue(parts('{"error":1}')), 'must be a string or null'],
    ['a handshake without subject', () => decodeHandshake(parts('{"stream_type":"response"}')), '`subject`'],
  ])('refuses %s', (_, decode, complaint) => {
    expect(decode).toThrow(complaint);
    expect(decode).toThrow('PROFILED_MESSAGE_INVALID');
  });

  it('throws nothing but PROFILED_MESSAGE_INVALID, whatever bytes it is given', () => {
    const readers = [decodeHandshake, decodePrologue, decodeResponseFrame, decodeRequesterControl];
    fc.assert(
      fc.property(fc.constantFrom(...readers), fc.uint8Array(), fc.uint8Array(), (read, header, body) => {
        try {
          read({ header, body });
        } catch (error) {
          expect(ProfiledError.is(error) && error.code).toBe('PROFILED_MESSAGE_INVALID');
        }
      }),
    );
  });

  it('says why an item can not be written', () => {
    expect(() => stringifyItem({ n: 1n })).toThrow(
      'an item can not be written as JSON: Do not know how to serialize a BigInt',
    );
    expect(stringifyItem(undefined)).toBeUndefined();
  });
});

describe('acknowledgements', () => {
  it('begin as newer clients expect', () => {
    expect(refusalReason(refusal('overloaded', 'worker at capacity'))).toBe('Server overloaded: worker at capacity');
    expect(refusalReason(refusal('unavailable', 'draining'))).toBe('Server unavailable: draining');
    expect(refusalReason(new Uint8Array())).toBeUndefined();
  });
});
