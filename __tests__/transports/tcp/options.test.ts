import { networkInterfaces } from 'node:os';
import {
  formatSocketAddress,
  localHost,
  parseSocketAddress,
  pathOf,
  reachableHost,
  splitAddress,
} from '../../../lib/transports/tcp/address';
import { resolveTcpOptions, type TcpOptions } from '../../../lib/transports/tcp/options';
import { tcpRequestPlane, tcpResponsePlane } from '../../../lib/transports/tcp/planes';

jest.mock('node:os', () => ({
  networkInterfaces: jest.fn(jest.requireActual<object>('node:os')['networkInterfaces' as never]),
}));

const entry = (address: string, internal = false) => ({ address, internal });
const interfaces = (...addresses: ReturnType<typeof entry>[]) =>
  jest.mocked(networkInterfaces).mockReturnValueOnce({ eth0: addresses as never });

describe('the options of the TCP planes', () => {
  it('have the defaults of upstream', () => {
    expect(resolveTcpOptions({ host: '127.0.0.1' })).toEqual({
      host: '127.0.0.1',
      port: 0,
      maxMessageBytes: 33_554_432,
      connectTimeoutMs: 5_000,
      poolSize: 100,
      maxDials: 64,
      maxInFlight: 1024,
      idleTtlMs: 300_000,
      maxConnections: 10_000,
      frameTimeoutMs: 30_000,
      maxBufferedBytes: 268_435_456,
      handshakeTimeoutMs: 10_000,
      maxHandshakes: 4096,
      frameBuffer: 64,
      finTimeoutMs: 10_000,
    });
  });

  it('let a larger message raise the default of what is buffered', () => {
    expect(resolveTcpOptions({ maxMessageBytes: 2 ** 30 }).maxBufferedBytes).toBe(2 ** 30);
  });

  it.each<[TcpOptions, string]>([
    [{ host: 'localhost' }, '`host` must be an IP address of this machine'],
    [{ host: '' }, '`host` must be'],
    [{ host: 7 as never }, '`host` must be'],
    [{ port: 65_536 }, '`port` must be a whole number from 0 to 65535, got 65536'],
    [{ port: -1 }, '`port` must be'],
    [{ maxMessageBytes: 1 }, '`maxMessageBytes` must be a whole number from 1024 to 4294967295, got 1'],
    [{ poolSize: 0 }, '`poolSize` must be a whole number of 1 or more, got 0'],
    [{ maxInFlight: 1.5 }, '`maxInFlight` must be'],
    [{ idleTtlMs: Infinity }, '`idleTtlMs` must be'],
    [{ frameTimeoutMs: '5' as never }, "`frameTimeoutMs` must be a whole number from 1 to 2147483647, got '5'"],
    [{ maxBufferedBytes: 1024 }, '`maxBufferedBytes` must be a whole number of 33554432 or more'],
  ])('refuse %j', (options, message) => {
    for (const open of [tcpRequestPlane, tcpResponsePlane]) {
      expect(() => open(options)).toThrow(`PROFILED_CONFIG_INVALID: ${message}`);
    }
  });

  it('take an IPv6 address with or without brackets', () => {
    expect(resolveTcpOptions({ host: '[::1]' }).host).toBe('::1');
  });
});

describe('addresses', () => {
  it.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['localhost:80', undefined],
    ['::1:80', undefined],
    ['[127.0.0.1]:80', undefined],
    ['127.0.0.1', undefined],
    ['127.0.0.1:0', undefined],
    ['127.0.0.1:65536', undefined],
    ['127.0.0.1:8 0', undefined],
    ['', undefined],
  ])('%j is read as %j', (text, expected) => {
    expect(parseSocketAddress(text)).toEqual(expected);
    if (expected) expect(formatSocketAddress(expected)).toBe(text);
  });

  it.each([
    ['1.2.3.4:5/a/b', '1.2.3.4:5', 'a/b'],
    ['tcp://1.2.3.4:5/a/b', '1.2.3.4:5', 'a/b'],
    ['1.2.3.4:5', '1.2.3.4:5', ''],
    ['tcp://[::1]:5/', '[::1]:5', ''],
  ])('%j is split', (address, authority, path) => {
    expect(splitAddress(address)).toEqual({ authority, path });
  });

  it('escape what would be taken for a separator', () => {
    const target = { namespace: 'a/b', component: 'c%2F', endpoint: 'é', instanceId: 2n ** 64n - 1n };
    expect(pathOf(target)).toBe('ffffffffffffffff/a%2Fb/c%252F/é');
  });
});

describe('the address that is made known', () => {
  it.each([
    [
      'the first IPv4 address',
      [entry('127.0.0.1', true), entry('fd00::1'), entry('10.0.0.5'), entry('10.0.0.6')],
      '10.0.0.5',
    ],
    [
      'an IPv6 address where there is no IPv4',
      [entry('127.0.0.1', true), entry('fe80::1'), entry('fd00::1')],
      'fd00::1',
    ],
    ['the loopback where there is nothing else', [entry('127.0.0.1', true), entry('169.254.1.1')], '127.0.0.1'],
  ])('is %s', (_, addresses, expected) => {
    interfaces(...addresses);
    expect(localHost()).toBe(expected);
  });

  it('is not the unspecified one', () => {
    interfaces(entry('fd00::1'), entry('10.0.0.5'));
    expect(reachableHost('0.0.0.0')).toBe('10.0.0.5');
    interfaces(entry('10.0.0.5'), entry('fd00::1'));
    expect(reachableHost('::')).toBe('fd00::1');
    interfaces();
    expect(reachableHost('::')).toBe('::1');
    expect(reachableHost('::1')).toBe('::1');
    expect(reachableHost('10.1.2.3')).toBe('10.1.2.3');
  });
});
