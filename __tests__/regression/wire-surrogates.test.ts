import { decodeRecord } from '../../lib/discovery/file-record';
import { decodeControlMessage } from '../../lib/wire/control-message';

const INVALID = 'PROFILED_MESSAGE_INVALID: ';

/** JSON can spell half of a surrogate pair, which no file name and no UTF-8 has: the reader of a record threw a URIError. */
test('a record with half of a surrogate pair in a name is refused as a message', () => {
  const record = (namespace: string) =>
    `{"type":"Endpoint","component":"c","endpoint":"e","namespace":"${namespace}","instance_id":1,"transport":{"tcp":"x"}}`;
  expect(decodeRecord('n%2Fc%2Fe%2F1', record('n'))).toMatchObject({ namespace: 'n' });
  expect(() => decodeRecord('n%2Fc%2Fe%2F1', record('\\ud800'))).toThrow(INVALID);
});

test('so is a control message, as upstream has it; a whole pair is text like any other', () => {
  const header = (id: string) =>
    Buffer.from(
      `{"id":"${id}","request_type":"single_in","response_type":"many_out","connection_info":{"transport":"t","info":"i"}}`,
    );
  expect(decodeControlMessage(header('\\ud83d\\ude42')).id).toBe('🙂');
  expect(() => decodeControlMessage(header('\\ude42'))).toThrow(INVALID);
});
