import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../errors';
import { type AccessSettings, named } from './access';
import { refuseProblems } from './resolve';
import { Secret } from './secret';

/** What a scrape has to bring along. */
export interface Credentials {
  readonly scheme: 'Bearer' | 'Basic';
  /** The token, or `user:password`. */
  readonly secret: Secret;
}

/** What a TLS server needs. */
export interface Tls {
  readonly cert: string;
  readonly key: Secret;
  readonly passphrase: Secret | undefined;
  /** The CAs that have to have signed a client's certificate; undefined = clients need none. */
  readonly clientCa: string | undefined;
}

/** Who may scrape and how, with what the files say. */
export interface Access {
  readonly credentials: Credentials | undefined;
  readonly tls: Tls | undefined;
}

/**
 * Reads the files that the settings name, once: a change of them counts from the next start on. Without `withTls` those of TLS are
 * left alone, for who answers on somebody else's server.
 *
 * @throws PROFILED_CONFIG_INVALID, once, naming every file that can not be used, and its variable
 */
export function readAccess(settings: AccessSettings, { withTls }: { readonly withTls: boolean }): Access {
  const problems: string[] = [];
  const access = {
    credentials: credentialsOf(settings, problems),
    tls: withTls ? tlsOf(settings, problems) : undefined,
  };
  refuseProblems(problems);
  return access;
}

function credentialsOf(settings: AccessSettings, problems: string[]): Credentials | undefined {
  const { authBasic, authTokenFile } = settings;
  if (authBasic) return { scheme: 'Basic', secret: authBasic };
  if (settings.authToken) return { scheme: 'Bearer', secret: settings.authToken };
  if (authTokenFile === undefined) return undefined;
  const token = read('authTokenFile', authTokenFile, /^\s*[\x21-\x7e]+\s*$/, 'one token without spaces', problems);
  return { scheme: 'Bearer', secret: new Secret(token.trim()) };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;

function tlsOf(settings: AccessSettings, problems: string[]): Tls | undefined {
  const { tlsCertPath, tlsKeyPath, tlsKeyPassphrase, tlsClientCaPath } = settings;
  if (tlsCertPath === undefined || tlsKeyPath === undefined) return undefined;
  const before = problems.length;
  const cert = read('tlsCertPath', tlsCertPath, CERTIFICATE, 'a certificate in PEM form', problems);
  const key = read('tlsKeyPath', tlsKeyPath, PRIVATE_KEY, 'a private key in PEM form', problems);
  const clientCa =
    tlsClientCaPath === undefined
      ? undefined
      : read('tlsClientCaPath', tlsClientCaPath, CERTIFICATE, 'certificates in PEM form', problems);
  const tls = { cert, key: new Secret(key), passphrase: tlsKeyPassphrase, clientCa };
  if (problems.length === before) problems.push(...misfits(settings, tls));
  return tls;
}

/** What is wrong with files that look right. */
function misfits(settings: AccessSettings, { cert, key, passphrase, clientCa }: Tls): string[] {
  const at = (name: 'tlsCertPath' | 'tlsKeyPath' | 'tlsClientCaPath') => `${named(name)} is '${settings[name]}'`;
  const certificate = attempt(() => new X509Certificate(cert));
  const authority = clientCa === undefined ? undefined : attempt(() => new X509Certificate(clientCa));
  const privateKey = attempt(() => createPrivateKey({ key: key.reveal(), passphrase: passphrase?.reveal() ?? '' }));
  const hint = `If it is encrypted, ${named('tlsKeyPassphrase')} has to have its passphrase`;
  const problems = [
    certificate.failure && `${at('tlsCertPath')}, which is no certificate: ${messageOf(certificate.failure)}.`,
    privateKey.failure && `${at('tlsKeyPath')}, which can not be opened: ${messageOf(privateKey.failure)}. ${hint}.`,
    authority?.failure && `${at('tlsClientCaPath')}, which is no certificate: ${messageOf(authority.failure)}.`,
    certificate.value &&
      privateKey.value &&
      !certificate.value.checkPrivateKey(privateKey.value) &&
      `${at('tlsKeyPath')}, which is not the key of ${named('tlsCertPath')}. The file's first certificate has to be that of the key.`,
  ];
  return problems.filter((problem) => typeof problem === 'string');
}

interface Attempt<T> {
  readonly value?: T;
  readonly failure?: NodeJS.ErrnoException;
}

function attempt<T>(make: () => T): Attempt<T> {
  try {
    return { value: make() };
  } catch (error) {
    return { failure: error as NodeJS.ErrnoException };
  }
}

/** The text of a file, or what is wrong with it among the problems. */
function read(
  name: Parameters<typeof named>[0],
  path: string,
  pattern: RegExp,
  expected: string,
  problems: string[],
): string {
  const { value: text, failure } = attempt(() => readFileSync(path, 'utf8'));
  if (text !== undefined && pattern.test(text)) return text;
  const found = failure ? `which can not be read (${failure.code})` : 'which has something else in it';
  problems.push(`${named(name)} is '${path}', ${found}; expected a file with ${expected}.`);
  return '';
}
