import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  type NodeConnectionOptions,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { messageOf, ProfiledError } from '../../errors';
import type { NatsServer, ResolvedNatsOptions } from './options';

/** What proves who we are, and the variables that it came from, for messages; neither is ever shown. */
export interface Credentials {
  readonly authenticator: Authenticator | undefined;
  readonly source: string;
}

type CredentialOptions = Pick<ResolvedNatsOptions, 'username' | 'password' | 'token' | 'nkey' | 'credentialsFile'>;

/** The first kind that is given, in upstream's order. Files are read now. @throws PROFILED_CONFIG_INVALID */
export function credentialsOf(options: CredentialOptions): Credentials {
  const { username, password, token, nkey, credentialsFile } = options;
  if (username !== undefined) {
    const authenticator = usernamePasswordAuthenticator(username, password);
    return { authenticator, source: 'NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD' };
  }
  if (token !== undefined) return { authenticator: tokenAuthenticator(token), source: 'NATS_AUTH_TOKEN' };
  if (nkey !== undefined) {
    const seed = Buffer.from(nkey);
    return checked('NATS_AUTH_NKEY', 'the seed of a user, SU...', nkeyAuthenticator(seed));
  }
  if (credentialsFile !== undefined) {
    const content = read('NATS_AUTH_CREDENTIALS_FILE', credentialsFile);
    const expected = `a file with a JWT and a seed, and ${credentialsFile} is none`;
    return checked('NATS_AUTH_CREDENTIALS_FILE', expected, credsAuthenticator(content));
  }
  return {
    authenticator: undefined,
    source: 'nobody: set NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD, or another of NATS_AUTH_*',
  };
}

/** TLS as the options ask for it; undefined leaves it to the server. @throws PROFILED_CONFIG_INVALID */
export function tlsOf(options: ResolvedNatsOptions, { host, isTls }: NatsServer): NodeConnectionOptions['tls'] {
  const { tlsCaFile, tlsInsecure = false } = options;
  if (tlsCaFile === undefined && !tlsInsecure && !isTls) return undefined;
  const tls = {
    ...(tlsCaFile !== undefined && { ca: read('NATS_TLS_CA_CERT_PATH', tlsCaFile).toString() }),
    ...(tlsInsecure && { rejectUnauthorized: false }),
    // The library names no server that has an IP address only, and a certificate would be compared with `localhost` then.
    ...(isIP(host) && { checkServerIdentity: (_: string, of: PeerCertificate) => checkServerIdentity(host, of) }),
  };
  return tls;
}

/** An authenticator that throws while it signs would end the connection with less of a reason. */
function checked(source: string, expected: string, authenticator: Authenticator): Credentials {
  try {
    authenticator('nonce');
    return { authenticator, source };
  } catch {
    throw new ProfiledError('PROFILED_CONFIG_INVALID', `${source} must be ${expected}`);
  }
}

function read(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ProfiledError('PROFILED_CONFIG_INVALID', `${variable}: ${messageOf(cause)}`, { cause });
  }
}
