import { decodeRecord, encodeRecord, fileNameOf, isSameInstance, prefixOf } from '../../lib/discovery/file-record';
import { fileName, instance } from './file-support';

/** As Dynamo 1.6.1 wrote it, the address aside. */
const UPSTREAM =
  '{"type":"Endpoint","component":"my_comp","endpoint":"gen.1","namespace":"my-ns","instance_id":12829709476703780238,' +
  '"transport":{"tcp":"192.0.2.2:38935/b20c48cb5a643d8e/my-ns/my_comp/gen.1"},"device_type":"cuda","request_plane_codec":"msgpack"}';
const NAME = fileName('b20c48cb5a643d8e');

describe('the name of a file', () => {
  it('is the key with all but letters and digits as %XX', () => {
    expect(fileNameOf('my-ns/my_comp/gen.1/1f')).toBe('my%2Dns%2Fmy%5Fcomp%2Fgen%2E1%2F1f');
    expect(fileNameOf("aZ09-_.!~*'()%é")).toBe('aZ09%2D%5F%2E%21%7E%2A%27%28%29%25%C3%A9');
  });

  it('begins with whole names', () => {
    expect(prefixOf({ namespace: 'n' })).toBe('n%2F');
    expect(prefixOf({ namespace: 'n', component: 'c' })).toBe('n%2Fc%2F');
    expect(prefixOf({ namespace: 'n', component: 'c', endpoint: 'e' })).toBe('n%2Fc%2Fe%2F');
    expect(prefixOf({ namespace: 'n', endpoint: 'e' })).toBe('n%2F');
  });
});

describe('the record of an instance', () => {
  it('is read as Dynamo writes it, digits of the id and all', () => {
    expect(decodeRecord(NAME, UPSTREAM)).toEqual({
      ...instance(12829709476703780238n),
      transport: { kind: 'tcp', address: '192.0.2.2:38935/b20c48cb5a643d8e/my-ns/my_comp/gen.1' },
      requestPlaneCodec: 'msgpack',
    });
  });

  it('is written as Dynamo writes it', () => {
    const text = encodeRecord({ ...decodeRecord(NAME, UPSTREAM)! });
    expect(text).toBe(UPSTREAM.replace('"device_type":"cuda",', ''));
    expect(encodeRecord(instance(31n))).toBe(
      '{"type":"Endpoint","component":"my_comp","endpoint":"gen.1","namespace":"my-ns","instance_id":31,' +
        '"transport":{"tcp":"127.0.0.1:4000/1f/gen.1"}}',
    );
  });

  it.each([0n, 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])('keeps the id %s', (id) => {
    expect(decodeRecord(fileName(id.toString(16)), encodeRecord(instance(id)))).toEqual(
      expect.objectContaining(instance(id)),
    );
  });

  it('is passed over on a plane that is not known here, and if it is of another type', () => {
    const http = UPSTREAM.replace(/"tcp":"[^"]*"/, '"http":"http://192.0.2.2:8888/v1/rpc/gen"');
    expect(decodeRecord(NAME, http)).toBeUndefined();
    expect(decodeRecord(NAME, '{"type":"Model","namespace":"n"}')).toBeUndefined();
    const nats = UPSTREAM.replace(/"tcp":"[^"]*"/, '"nats_tcp":"ns_comp.gen-1f"');
    expect(decodeRecord(NAME, nats)?.transport).toEqual({ kind: 'nats_tcp', address: 'ns_comp.gen-1f' });
  });

  it.each([
    ['nothing', ''],
    ['half of it', UPSTREAM.slice(0, 80)],
    ['a list', '[]'],
    ['no type', UPSTREAM.replace('"type":"Endpoint",', '')],
    ['another id', UPSTREAM.replace('12829709476703780238', '12829709476703780237')],
    ['an id in quotes', UPSTREAM.replace('12829709476703780238', '"12829709476703780238"')],
    ['an id below 0', UPSTREAM.replace('12829709476703780238', '-1')],
    ['an id of more than 64 bits', UPSTREAM.replace('12829709476703780238', '18446744073709551616')],
    ['a fraction', UPSTREAM.replace('12829709476703780238', '1.5')],
    ['another endpoint', UPSTREAM.replace('"endpoint":"gen.1"', '"endpoint":"gen"')],
    ['no transport', UPSTREAM.replace('"transport"', '"way"')],
    ['an address that is no text', UPSTREAM.replace(/"tcp":"[^"]*"/, '"tcp":7')],
  ])('is refused if it is or has %s', (_, text) => {
    expect(() => decodeRecord(NAME, text)).toThrow(expect.objectContaining({ code: 'PROFILED_MESSAGE_INVALID' }));
  });

  it('tells a new address from the old one', () => {
    expect(isSameInstance(instance(1n), instance(1n))).toBe(true);
    expect(isSameInstance(instance(1n), instance(1n, { transport: { kind: 'tcp', address: 'x:1/y' } }))).toBe(false);
    expect(isSameInstance(instance(1n), instance(1n, { requestPlaneCodec: 'json' }))).toBe(false);
  });
});
