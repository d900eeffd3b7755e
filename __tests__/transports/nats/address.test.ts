import { addressOf, slugOf } from '../../../lib/transports/nats/address';
import { type NatsOptions, resolveNatsOptions } from '../../../lib/transports/nats/options';

const target = (namespace: string, component: string, endpoint = 'generate', instanceId = 0x1fn) => ({
  namespace,
  component,
  endpoint,
  instanceId,
});

describe('subjects', () => {
  it.each([
    [target('dynamo', 'backend', 'generate', 0x694d988806b92e39n), 'dynamo_backend.generate-694d988806b92e39'],
    [target('n', 'c', 'e', 0xfedcba9876543210n), 'n_c.e-fedcba9876543210'],
    [target('n', 'c', 'e', 1n), 'n_c.e-1'],
    [target('my-ns', 'my_comp', 'gen-1'), 'my-ns_my_comp.gen-1-1f'],
    [target('a.b', 'c'), 'a_b_c.generate-1f'],
    [target('Prod', 'LLM', 'Generate'), 'prod_llm.Generate-1f'],
    [target('_private', 'c'), 'private_c.generate-1f'],
    [target('-', 'c'), '-_c.generate-1f'],
  ])('%o is at %s', (where, subject) => {
    expect(addressOf(where)).toEqual({
      service: subject.split('.')[0],
      subject,
      name: subject.replace('.', '-'),
    });
  });

  it.each([
    ['dynamo_backend', 'dynamo_backend'],
    ['Hello World', 'hello_world'],
    ['a/b:c', 'a_b_c'],
    ['__a__', 'a__'],
    ['naïve', 'na_ve'],
    ['😀', ''],
    ['x😀', 'x_'],
    ['123-4', '123-4'],
  ])('the slug of %j is %j', (name, slug) => {
    expect(slugOf(name)).toBe(slug);
  });

  it.each([
    [target('_', '_'), 'leaves nothing for the name'],
    [target('n', 'c', 'a.b'), "an endpoint's name has letters"],
    [target('n', 'c', 'a b'), "an endpoint's name has letters"],
    [target('n', 'c', '>'), "an endpoint's name has letters"],
    [target('n', 'c'.repeat(1_024)), 'a NATS subject can have 1024 bytes here'],
  ])('%o has none', (where, message) => {
    expect(() => addressOf(where)).toThrow(expect.objectContaining({ code: 'PROFILED_TARGET_INVALID' }));
    expect(() => addressOf(where)).toThrow(message);
  });
});

describe('the options of the NATS plane', () => {
  it.each([
    [undefined, [{ host: 'localhost', port: 4222, isTls: false }]],
    ['nats://10.0.0.1:4333', [{ host: '10.0.0.1', port: 4333, isTls: false }]],
    ['tls://nats.example', [{ host: 'nats.example', port: 4222, isTls: true }]],
    ['nats://[::1]:4223', [{ host: '::1', port: 4223, isTls: false }]],
    [
      'nats://a, tls://b:1',
      [
        { host: 'a', port: 4222, isTls: false },
        { host: 'b', port: 1, isTls: true },
      ],
    ],
  ])('read %j', (server, servers) => {
    expect(resolveNatsOptions({ server })).toEqual({
      server,
      servers,
      connectTimeoutMs: 5_000,
      pingIntervalMs: 5_000,
    });
  });

  it.each<[NatsOptions, string]>([
    [{ server: 'localhost:4222' }, '`server` (NATS_SERVER) must be of the form nats://host:port'],
    [{ server: 'http://localhost' }, '`server` (NATS_SERVER) must be'],
    [{ server: 'nats://a,' }, '`server` (NATS_SERVER) must be'],
    [{ server: 'nats://' }, '`server` (NATS_SERVER) must be'],
    [{ server: 'nats://u:p@a' }, '`server` (NATS_SERVER) holds credentials'],
    [{ username: 'u' }, '`username` (NATS_AUTH_USERNAME) and `password` (NATS_AUTH_PASSWORD) belong together'],
    [{ password: 'p' }, 'belong together'],
    [{ connectTimeoutMs: 0 }, '`connectTimeoutMs` must be a whole number from 1 to 2147483647, got 0'],
    [{ pingIntervalMs: 1.5 }, '`pingIntervalMs` must be'],
  ])('refuse %j', (options, message) => {
    expect(() => resolveNatsOptions(options)).toThrow(expect.objectContaining({ code: 'PROFILED_CONFIG_INVALID' }));
    expect(() => resolveNatsOptions(options)).toThrow(message);
  });
});
