import { nkeys } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { natsRequestPlane } from '../../../lib/transports/nats/planes';
import type { NatsOptions } from '../../../lib/transports/nats/options';
import { watchDialed } from '../../support/dialed';
import { eventually } from '../../support/eventually';
import { describeNats, NatsServer } from '../../support/nats-server';
import { CA, SERVER_CERTIFICATE, SERVER_KEY } from './certificates';

const { createAccount, createOperator, createUser } = nkeys;
type KeyPair = ReturnType<typeof createUser>;

const dialed = watchDialed();
const TARGET = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 1n };

/** Serves and calls with these options, on one connection. */
async function roundTrip(options: NatsOptions): Promise<void> {
  const plane = natsRequestPlane(options);
  try {
    const { address } = await plane.server.serve(TARGET, async () => new Uint8Array());
    expect(await plane.client.send(address, Buffer.from('x'), {})).toHaveLength(0);
  } finally {
    await Promise.all([plane.server.close(), plane.client.close()]);
  }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** -1 = none; what is not said is 0. */
const LIMITS = {
  operator: {},
  account: {
    limits: { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true },
  },
  user: { subs: -1, data: -1, payload: -1 },
};

/** A JWT of NATS: what `subject` is, signed by `issuer`. */
function jwt(issuer: KeyPair, subject: KeyPair, type: 'operator' | 'account' | 'user'): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { jti: randomUUID(), iat: 1, iss: issuer.getPublicKey(), name: type, sub: subject.getPublicKey() };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ ...claims, nats: { ...LIMITS[type], type, version: 2 } })}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`;
}

describeNats('credentials', () => {
  describe.each<[string, () => { config: string; good: NatsOptions; bad: NatsOptions; variable: string }]>([
    [
      'name and password',
      () => ({
        config: 'authorization { user: "me", password: "s3cret" }',
        good: { username: 'me', password: 's3cret' },
        bad: { username: 'me', password: 'wr0ng' },
        variable: 'NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD',
      }),
    ],
    [
      'a token',
      () => ({
        config: 'authorization { token: "t0ken" }',
        good: { token: 't0ken' },
        bad: { token: 'wr0ng' },
        variable: 'NATS_AUTH_TOKEN',
      }),
    ],
    [
      'an nkey',
      () => {
        const user = createUser();
        return {
          config: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
          good: { nkey: text(user.getSeed()) },
          bad: { nkey: text(createUser().getSeed()) },
          variable: 'NATS_AUTH_NKEY',
        };
      },
    ],
  ])('by %s', (_, make) => {
    const { config, good, bad, variable } = make();
    let server: NatsServer;
    beforeAll(async () => {
      server = await NatsServer.start(config);
    });
    afterAll(() => server[Symbol.asyncDispose]());

    it('opens the server', () => roundTrip({ server: server.url, ...good }));

    it('is named, and not shown, when the server refuses it', async () => {
      const refused = await roundTrip({ server: server.url, ...bad }).catch((error: Error) => error);
      expect(refused).toMatchObject({
        code: 'PROFILED_CONFIG_INVALID',
        message: expect.stringContaining(`refuses the credentials of ${variable}`),
      });
      const shown = JSON.stringify([(refused as Error).message, (refused as Error).stack]);
      for (const value of Object.values(bad).slice(-1)) expect(shown).not.toContain(value);
    });

    it('is asked for when there is none', async () => {
      await expect(roundTrip({ server: server.url })).rejects.toMatchObject({
        code: 'PROFILED_CONFIG_INVALID',
        message: expect.stringMatching(/set NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD, or another of NATS_AUTH_\*/),
      });
    });
  });

  it('come from a file, which is read when a connection is opened', async () => {
    const [operator, account, user] = [createOperator(), createAccount(), createUser()];
    await using server = await NatsServer.start(`
      operator: ${jwt(operator, operator, 'operator')}
      resolver: MEMORY
      resolver_preload: { ${account.getPublicKey()}: ${jwt(operator, account, 'account')} }
    `);
    const credentialsFile = join(server.folder, 'user.creds');
    const options = { server: server.url, credentialsFile };
    await expect(roundTrip(options)).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringMatching(/NATS_AUTH_CREDENTIALS_FILE: .*ENOENT.*user\.creds/),
    });
    const write = (owner: KeyPair) =>
      writeFileSync(
        credentialsFile,
        `-----BEGIN NATS USER JWT-----\n${jwt(account, owner, 'user')}\n------END NATS USER JWT------\n\n` +
          `-----BEGIN USER NKEY SEED-----\n${text(user.getSeed())}\n------END USER NKEY SEED------\n`,
      );
    write(user);
    await roundTrip(options);
    write(createUser());
    await expect(roundTrip(options)).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringContaining('refuses the credentials of NATS_AUTH_CREDENTIALS_FILE'),
    });
    writeFileSync(credentialsFile, 'nothing of the kind');
    await expect(roundTrip(options)).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringContaining('NATS_AUTH_CREDENTIALS_FILE must be a file with a JWT and a seed'),
    });
  });

  it('that can be none are refused without being shown', async () => {
    await using server = await NatsServer.start();
    const refused = await roundTrip({ server: server.url, nkey: 'SUmadeup' }).catch((error: Error) => error.message);
    expect(refused).toBe('PROFILED_CONFIG_INVALID: NATS_AUTH_NKEY must be the seed of a user, SU...');
  });

  it('that may not subscribe or publish are told so, at once', async () => {
    await using server = await NatsServer.start(`
      authorization { users: [
        { user: "reader", password: "p", permissions: { publish: { deny: "n_c.>" } } }
        { user: "writer", password: "p", permissions: { subscribe: { deny: "n_c.>" } } }
      ] }
    `);
    await expect(roundTrip({ server: server.url, username: 'writer', password: 'p' })).rejects.toMatchObject({
      code: 'PROFILED_LISTEN_FAILED',
      message: expect.stringMatching(/does not let this user subscribe to n_c\.e-1: .*Permissions Violation/),
    });
    await expect(roundTrip({ server: server.url, username: 'reader', password: 'p' })).rejects.toMatchObject({
      code: 'PROFILED_DISCONNECTED',
      message: expect.stringMatching(/Permissions Violation for Publish to "n_c\.e-1"/),
    });
  });
});

describeNats('TLS', () => {
  let server: NatsServer;
  let tlsCaFile: string;
  beforeAll(async () => {
    server = await NatsServer.start((file) => {
      tlsCaFile = file('ca.pem', CA);
      return `tls { cert_file: "${file('cert.pem', SERVER_CERTIFICATE)}", key_file: "${file('key.pem', SERVER_KEY)}" }`;
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const tls = () => server.url.replace('nats:', 'tls:');

  it('trusts the certificates of NATS_TLS_CA_CERT_PATH', async () => {
    await roundTrip({ server: server.url, tlsCaFile });
    await roundTrip({ server: tls(), tlsCaFile });
  });

  it('trusts any with NATS_TLS_INSECURE', () => roundTrip({ server: server.url, tlsInsecure: true }));

  it.each(['nats:', 'tls:'])('trusts none of its own accord, at %s', async (scheme) => {
    await expect(roundTrip({ server: server.url.replace('nats:', scheme) })).rejects.toMatchObject({
      code: 'PROFILED_DISCONNECTED',
      message: expect.stringMatching(/NATS_SERVER\) can not be used: .*certificate.*NATS_TLS_CA_CERT_PATH/),
    });
    await eventually('no socket is left', () => dialed() === 0);
  });

  it('wants the certificate to be of that host', async () => {
    const elsewhere = server.url.replace('127.0.0.1', 'localhost');
    await expect(roundTrip({ server: elsewhere, tlsCaFile })).rejects.toMatchObject({
      code: 'PROFILED_DISCONNECTED',
      message: expect.stringContaining('localhost'),
    });
  });

  it('is a must once it is asked for', async () => {
    await using plain = await NatsServer.start();
    await expect(roundTrip({ server: plain.url, tlsCaFile })).rejects.toMatchObject({
      code: 'PROFILED_DISCONNECTED',
      message: expect.stringContaining("does not support 'tls'"),
    });
  });

  it('names the variable of a file that is not there', async () => {
    await expect(roundTrip({ server: server.url, tlsCaFile: '/no/such.pem' })).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringMatching(/NATS_TLS_CA_CERT_PATH: .*ENOENT/),
    });
  });
});
