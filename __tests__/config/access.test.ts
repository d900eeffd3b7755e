import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { readAccess } from '../../lib/config/access-files';
import { loadSettings, resetSettings, settingProblems, settings } from '../../lib/config/settings';
import { PASSPHRASE, pathOf } from '../support/certificates';

const TOKEN = 'very-secret-token';
const BASIC = 'scraper:very-secret-password';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'profiled-access-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const load = (env: Record<string, string>, overrides = {}) => loadSettings(overrides, env).system;
const read = (env: Record<string, string>) => readAccess(load(env), { withTls: true });

function problemOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected an error');
}

const TLS = { DYN_SYSTEM_TLS_CERT_PATH: pathOf('server'), DYN_SYSTEM_TLS_KEY_PATH: pathOf('server-key') };

describe('credentials', () => {
  test.each<[string, Record<string, string>, string, string]>([
    ['a token', { DYN_SYSTEM_AUTH_TOKEN: ` ${TOKEN} ` }, 'Bearer', TOKEN],
    ['user and password', { DYN_SYSTEM_AUTH_BASIC: BASIC }, 'Basic', BASIC],
    ['a password with spaces and colons', { DYN_SYSTEM_AUTH_BASIC: 'ü:a b:c' }, 'Basic', 'ü:a b:c'],
  ])('%s', (_, env, scheme, secret) => {
    const { credentials } = read(env);
    expect([credentials!.scheme, credentials!.secret.reveal()]).toEqual([scheme, secret]);
  });

  test('a token from a file, without the end of its line', () => {
    const { credentials } = read({ DYN_SYSTEM_AUTH_TOKEN_FILE: file('token', `${TOKEN}\n`) });
    expect([credentials!.scheme, credentials!.secret.reveal()]).toEqual(['Bearer', TOKEN]);
  });

  test('none unless asked for', () => {
    expect(read({})).toEqual({ credentials: undefined, tls: undefined });
  });

  test('as options', () => {
    expect(load({}, { system: { authToken: TOKEN } }).authToken!.reveal()).toBe(TOKEN);
    expect(load({ DYN_SYSTEM_AUTH_TOKEN: 'other' }, { system: { authToken: TOKEN } }).authToken!.reveal()).toBe(TOKEN);
  });
});

describe('what can not be used is named, and secrets are not shown', () => {
  test.each<[string, Record<string, string>, object, RegExp]>([
    [
      'a token with a space',
      { DYN_SYSTEM_AUTH_TOKEN: 'very secret' },
      {},
      /^PROFILED_CONFIG_INVALID: DYN_SYSTEM_AUTH_TOKEN is a secret that is not shown; expected a token of visible ASCII/,
    ],
    ['a password alone', { DYN_SYSTEM_AUTH_BASIC: 'secret' }, {}, /DYN_SYSTEM_AUTH_BASIC is a secret .* user:password/],
    ['no password', { DYN_SYSTEM_AUTH_BASIC: 'secret:' }, {}, /DYN_SYSTEM_AUTH_BASIC is a secret/],
    [
      'no text',
      {},
      { system: { authToken: { secret: 1 } } },
      /option `system.authToken` is a secret that is not shown/,
    ],
    [
      'token and basic',
      { DYN_SYSTEM_AUTH_TOKEN: TOKEN, DYN_SYSTEM_AUTH_BASIC: BASIC },
      {},
      /DYN_SYSTEM_AUTH_TOKEN and DYN_SYSTEM_AUTH_BASIC are given together; expected one of them/,
    ],
    [
      'token and its file',
      { DYN_SYSTEM_AUTH_TOKEN_FILE: '/secret' },
      { system: { authToken: TOKEN } },
      /option `system.authToken` and DYN_SYSTEM_AUTH_TOKEN_FILE are given together/,
    ],
    [
      'a certificate without its key',
      { DYN_SYSTEM_TLS_CERT_PATH: '/c' },
      {},
      /DYN_SYSTEM_TLS_CERT_PATH is given without DYN_SYSTEM_TLS_KEY_PATH \(or the `tlsKeyPath` option\)/,
    ],
    [
      'a key without its certificate',
      {},
      { system: { tlsKeyPath: '/k' } },
      /option `system.tlsKeyPath` is given without/,
    ],
    [
      'a passphrase without a key',
      { DYN_SYSTEM_TLS_KEY_PASSPHRASE: 'secret' },
      {},
      /DYN_SYSTEM_TLS_KEY_PASSPHRASE is given without DYN_SYSTEM_TLS_KEY_PATH/,
    ],
    [
      'a client CA without TLS',
      { DYN_SYSTEM_TLS_CLIENT_CA_CERT_PATH: '/ca' },
      {},
      /DYN_SYSTEM_TLS_CLIENT_CA_CERT_PATH is given without DYN_SYSTEM_TLS_CERT_PATH/,
    ],
  ])('%s', (_, env, overrides, message) => {
    const problem = problemOf(() => load(env, overrides));
    expect(problem).toMatch(message);
    expect(problem).not.toMatch(/very|secret[:\d]/);
  });

  test('all together with what else is wrong', () => {
    const env = { ...TLS, DYN_SYSTEM_TLS_KEY_PATH: '', DYN_SYSTEM_AUTH_BASIC: 'x', DYN_SYSTEM_AUTH_TOKEN: 'y' };
    const problem = problemOf(() => load({ ...env, DYN_SYSTEM_PORT: 'z' }));
    expect(problem.match(/^ {2}- /gm)).toHaveLength(4);
    for (const part of [
      "DYN_SYSTEM_PORT is 'z'",
      'DYN_SYSTEM_AUTH_BASIC is a secret',
      'given together',
      'given without',
    ])
      expect(problem).toContain(part);
  });
});

describe('files that can not be used', () => {
  const token = 'DYN_SYSTEM_AUTH_TOKEN_FILE';
  test.each<[string, () => Record<string, string>, RegExp]>([
    [
      'one that is not there',
      () => ({ [token]: '/nowhere/token' }),
      /DYN_SYSTEM_AUTH_TOKEN_FILE \(or the `authTokenFile` option\) is '\/nowhere\/token', which can not be read \(ENOENT\); expected a file with one token/,
    ],
    ['a folder', () => ({ [token]: folder }), /which can not be read \(EISDIR\)/],
    [
      'an empty one',
      () => ({ [token]: file('empty', ' \n') }),
      /which has something else in it; expected .* one token/,
    ],
    ['one of two tokens', () => ({ [token]: file('two', 'very\nsecret\n') }), /one token without spaces/],
    [
      'a certificate that is none',
      () => ({ ...TLS, DYN_SYSTEM_TLS_CERT_PATH: file('not.pem', 'very secret') }),
      /DYN_SYSTEM_TLS_CERT_PATH .*not\.pem', which has something else in it; expected a file with a certificate in PEM form/,
    ],
    [
      'certificate and key the other way round',
      () => ({ DYN_SYSTEM_TLS_CERT_PATH: pathOf('server-key'), DYN_SYSTEM_TLS_KEY_PATH: pathOf('server') }),
      /- DYN_SYSTEM_TLS_CERT_PATH .* a certificate in PEM form\.\n {2}- DYN_SYSTEM_TLS_KEY_PATH .* a private key in PEM form/,
    ],
    [
      'a broken certificate',
      () => ({
        ...TLS,
        DYN_SYSTEM_TLS_CERT_PATH: file('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      }),
      /broken\.pem', which is no certificate/,
    ],
    [
      'the key of another certificate',
      () => ({ ...TLS, DYN_SYSTEM_TLS_KEY_PATH: pathOf('client-key') }),
      /DYN_SYSTEM_TLS_KEY_PATH .* is not the key of DYN_SYSTEM_TLS_CERT_PATH/,
    ],
    [
      'an encrypted key without a passphrase',
      () => ({ ...TLS, DYN_SYSTEM_TLS_KEY_PATH: pathOf('server-key-encrypted') }),
      /DYN_SYSTEM_TLS_KEY_PATH .* can not be opened.*DYN_SYSTEM_TLS_KEY_PASSPHRASE/,
    ],
    [
      'an encrypted key with another one',
      () => ({
        ...TLS,
        DYN_SYSTEM_TLS_KEY_PATH: pathOf('server-key-encrypted'),
        DYN_SYSTEM_TLS_KEY_PASSPHRASE: 'very secret',
      }),
      /DYN_SYSTEM_TLS_KEY_PATH .* can not be opened/,
    ],
    [
      'a client CA that is none',
      () => ({ ...TLS, DYN_SYSTEM_TLS_CLIENT_CA_CERT_PATH: pathOf('client-key') }),
      /DYN_SYSTEM_TLS_CLIENT_CA_CERT_PATH .* certificates in PEM form/,
    ],
  ])('%s', (_, env, message) => {
    const problem = problemOf(() => read(env()));
    expect(problem).toMatch(message);
    expect(problem).not.toContain('very');
  });

  test('are all named at once', () => {
    const problem = problemOf(() => read({ ...TLS, [token]: '/no/token', DYN_SYSTEM_TLS_CERT_PATH: '/no/cert' }));
    expect(problem).toContain("is '/no/token'");
    expect(problem).toContain("is '/no/cert'");
  });

  test('are not missed where TLS is not wanted', () => {
    const settings = load({ DYN_SYSTEM_TLS_CERT_PATH: '/no/cert', DYN_SYSTEM_TLS_KEY_PATH: '/no/key' });
    expect(readAccess(settings, { withTls: false }).tls).toBeUndefined();
  });
});

test('nothing that is printed shows a secret', () => {
  const system = load({
    ...TLS,
    DYN_SYSTEM_AUTH_BASIC: BASIC,
    DYN_SYSTEM_TLS_KEY_PATH: pathOf('server-key-encrypted'),
    DYN_SYSTEM_TLS_KEY_PASSPHRASE: PASSPHRASE,
  });
  const access = readAccess(system, { withTls: true });
  const secrets = [access.credentials!.secret, access.tls!.key, system.tlsKeyPassphrase!];
  const texts = [system, access, { deep: [access] }, ...secrets].flatMap((value) => [
    inspect(value, { depth: null, showHidden: true }),
    JSON.stringify(value),
  ]);
  for (const text of [...texts, ...secrets.map(String)]) expect(text).not.toMatch(/very-secret|sesame|PRIVATE KEY/);
  expect(inspect(system)).toContain('authBasic: [secret]');
});

test('a server whose access is in doubt is not started by the environment', () => {
  const good = { DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_AUTH_TOKEN: TOKEN };
  const withEnvironment = (env: Record<string, string>) => {
    Object.assign(process.env, env);
    resetSettings();
    return settings().system;
  };
  try {
    expect(withEnvironment(good)).toMatchObject({ enabled: true });
    expect(withEnvironment({ DYN_SYSTEM_AUTH_BASIC: BASIC })).toMatchObject({ enabled: false, authToken: undefined });
    expect(settingProblems()).toEqual([expect.stringContaining('given together')]);
    delete process.env.DYN_SYSTEM_AUTH_BASIC;
    expect(withEnvironment({ DYN_SYSTEM_AUTH_TOKEN: 'two words' })).toMatchObject({ enabled: false });
  } finally {
    for (const name of [...Object.keys(good), 'DYN_SYSTEM_AUTH_BASIC']) delete process.env[name];
    resetSettings();
  }
});
