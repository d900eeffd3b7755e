import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { log } from '../../lib/internal/logger';
import { describeEtcd } from '../support/etcd-server';
import { eventually } from '../support/eventually';
import { Etcd } from './etcd-support';
import { FILTER, Following, instance } from './file-support';

const PASSWORD = 'correct horse';
/** A login takes etcd a while, by design. */
const requestTimeoutMs = 5_000;

describeEtcd('an etcd with authentication', () => {
  let etcd: Etcd;
  beforeEach(async () => {
    etcd = await Etcd.start();
    await etcd.server.requireLogin(PASSWORD);
  });
  afterEach(() => {
    log.use('off', () => {});
    return etcd.dispose();
  });

  it.each([
    [
      'a wrong password',
      { username: 'root', password: 'wrong' },
      /authentication failed.*`ETCD_AUTH_USERNAME` and `ETCD_AUTH_PASSWORD` must/,
    ],
    ['no login', {}, /user name is empty.*set `ETCD_AUTH_USERNAME` and `ETCD_AUTH_PASSWORD`/],
  ])('refuses %s, and the error names the variables and not the password', async (_, options, message) => {
    const discovery = etcd.open({ requestTimeoutMs, ...options });
    const expected = { code: 'PROFILED_CONFIG_INVALID', message: expect.stringMatching(message) };
    await expect(discovery.register(instance(1n))).rejects.toMatchObject(expected);
    await expect(discovery.watch(FILTER, () => {})).rejects.toMatchObject(expected);
    await expect(discovery.watch(FILTER, () => {})).rejects.not.toThrow('wrong');
  });

  it('refuses a user who may not write there, and says what he needs', async () => {
    await etcd.server.api('auth/user/add', { name: 'guest', password: 'guest' });
    const discovery = etcd.open({ username: 'guest', password: 'guest', requestTimeoutMs });
    await expect(discovery.register(instance(1n))).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringMatching(/permission denied.*below v1\/instances\//),
    });
  });

  it('lets in who knows the password, also after a restart that forgot all logins', async () => {
    const login = { username: 'root', password: PASSWORD, requestTimeoutMs };
    const worker = etcd.open(login);
    const told: boolean[] = [];
    await worker.register(instance(1n), (isKnown) => told.push(isKnown));
    const following = await Following.start(etcd.open(login));
    expect(following.ids).toEqual([1n]);
    await etcd.server.kill();
    await eventually('the lease is lost', () => told.at(-1) === false);
    await etcd.server.launch();
    await eventually('it is known again', () => told.at(-1) === true);
    await worker.register(instance(2n));
    await eventually('what comes after that is seen', () => following.known.has(2n));
  });
});

describeEtcd('an etcd without authentication', () => {
  it('takes who would log in', async () => {
    const etcd = await Etcd.start();
    await etcd.open({ username: 'root', password: PASSWORD }).register(instance(1n));
    expect(await etcd.server.keys()).toHaveLength(1);
    await etcd.dispose();
  });
});

describeEtcd('an etcd over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'profiled-tls-'));
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  let etcd: Etcd;
  let url: string;

  /** A key, and a certificate that `issuer` signed, or itself. */
  const certify = (name: string, issuer?: string) => {
    const subject = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`];
    if (!issuer) {
      openssl('req', '-x509', ...subject, '-days', '2', '-keyout', `${name}.key`, '-out', `${name}.pem`);
      return;
    }
    openssl('req', ...subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    const signer = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-extfile', 'names', '-out', `${name}.pem`);
  };

  beforeAll(async () => {
    writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    for (const ca of ['ca', 'stranger']) certify(ca);
    for (const name of ['server', 'client']) certify(name, 'ca');
    etcd = await Etcd.start([
      '--cert-file',
      file('server.pem'),
      '--key-file',
      file('server.key'),
      '--client-cert-auth',
      '--trusted-ca-file',
      file('ca.pem'),
    ]);
    url = etcd.server.url;
  });
  afterEach(() => etcd.clear());
  afterAll(async () => {
    await etcd.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['paths', 'PEM'])('lets in who shows a certificate that it trusts, given as %s', async (form) => {
    const given = (name: string) => (form === 'PEM' ? readFileSync(file(name), 'utf8') : file(name));
    const options = {
      endpoints: url,
      ca: given('ca.pem'),
      clientCert: given('client.pem'),
      clientKey: given('client.key'),
    };
    await etcd.open(options).register(instance(1n));
    const following = await Following.start(etcd.open(options));
    expect(following.ids).toEqual([1n]);
  });

  it.each([
    ['trusts another authority', { ca: 'stranger.pem', clientCert: 'client.pem', clientKey: 'client.key' }],
    ['shows no certificate', { ca: 'ca.pem' }],
  ])('is an error for who %s', async (_, names) => {
    const options = Object.fromEntries(Object.entries(names).map(([name, pem]) => [name, file(pem)]));
    await expect(etcd.open({ endpoints: url, ...options }).register(instance(1n))).rejects.toMatchObject({
      code: 'PROFILED_UNAVAILABLE',
      message: expect.stringMatching(/etcd at https:.*does not answer: .*`ETCD_AUTH_CA`/),
    });
  });

  it('is an error for who speaks without TLS', async () => {
    const discovery = etcd.open({ endpoints: url.replace('https', 'http') });
    await expect(discovery.register(instance(1n))).rejects.toMatchObject({ code: 'PROFILED_UNAVAILABLE' });
  });
});
