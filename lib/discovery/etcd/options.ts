import { readFileSync } from 'node:fs';
import { messageOf, ProfiledError } from '../../errors';
import { MAX_TIMER_MS } from '../../internal/clock';
import { kindOf } from '../../wire/fields';

/** Settings of `EtcdDiscovery`. All processes of a cluster need the same etcd; the variables are those of Dynamo. */
export interface EtcdDiscoveryOptions {
  /**
   * The members of one etcd cluster, with commas between, each as `http://host:port` or `https://host:port`; a bare `host:port`
   * goes with whether `ca` is given. One is used at a time, and the next one when it fails. `ETCD_ENDPOINTS`.
   * @default 'http://localhost:2379'
   */
  readonly endpoints?: string | undefined;
  /** Whom to log in as, where etcd has authentication on. Needs `password`. `ETCD_AUTH_USERNAME`. @default nobody */
  readonly username?: string | undefined;
  /** `ETCD_AUTH_PASSWORD`. */
  readonly password?: string | undefined;
  /** Whom to trust over TLS: certificates in PEM, or the path of a file of them. `ETCD_AUTH_CA`. @default those of Node */
  readonly ca?: string | undefined;
  /** The certificate to show to etcd, in PEM or as a path. Needs `clientKey`. `ETCD_AUTH_CLIENT_CERT`. @default none */
  readonly clientCert?: string | undefined;
  /** Its key, in PEM or as a path. `ETCD_AUTH_CLIENT_KEY`. */
  readonly clientKey?: string | undefined;
  /**
   * How long an instance stays known after its process was last heard of, in milliseconds; rounded up to whole seconds, and etcd
   * may take longer ones, at least 2 as it comes. Renewed three times in it. `ETCD_LEASE_TTL`. @default 10000
   */
  readonly leaseTtlMs?: number | undefined;
  /** How long one member may take to answer, in milliseconds. @default 3000, or a third of `leaseTtlMs` if that is less */
  readonly requestTimeoutMs?: number | undefined;
}

/** One member: where to connect to. */
export interface Member {
  /** As it was given. */
  readonly url: string;
  /** `host:port`. */
  readonly target: string;
}

/** Certificates in PEM. */
export interface Tls {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

/** The options, checked and with nothing left open. */
export interface ResolvedEtcdOptions {
  readonly members: readonly Member[];
  readonly login: { readonly name: string; readonly password: string } | undefined;
  readonly tls: Tls | undefined;
  readonly ttlSeconds: number;
  readonly requestTimeoutMs: number;
}

const MEMBER = /^(?:(https?):\/\/)?((?:\[[\da-f:.%]+\]|[\w.-]+):\d{1,5})\/?$/i;

/** @throws PROFILED_CONFIG_INVALID for what can't be used, half of a pair, or a file that can't be read */
export function resolveEtcdOptions(options: EtcdDiscoveryOptions): ResolvedEtcdOptions {
  const { endpoints = 'http://localhost:2379', username, password, leaseTtlMs = 10_000 } = options;
  const { requestTimeoutMs = Math.min(3_000, leaseTtlMs / 3) } = options;
  for (const [name, value] of Object.entries({ leaseTtlMs, requestTimeoutMs })) {
    if (!(value > 0 && value <= MAX_TIMER_MS))
      throw invalid(name, `milliseconds above 0, at most ${MAX_TIMER_MS}`, value);
  }
  checkPair('ETCD_AUTH_USERNAME', username, 'ETCD_AUTH_PASSWORD', password);
  checkPair('ETCD_AUTH_CLIENT_CERT', options.clientCert, 'ETCD_AUTH_CLIENT_KEY', options.clientKey);
  const wantsTls = options.ca !== undefined || options.clientCert !== undefined;
  const { members, isTls } = membersOf(endpoints, wantsTls);
  return {
    members,
    login: username === undefined || password === undefined ? undefined : { name: username, password },
    tls: isTls ? readTls(options) : undefined,
    ttlSeconds: Math.ceil(leaseTtlMs / 1_000),
    requestTimeoutMs,
  };
}

function membersOf(endpoints: string, wantsTls: boolean): { members: Member[]; isTls: boolean } {
  const schemes = new Set<string>();
  const members = endpoints.split(',').map((given) => {
    const url = given.trim();
    const [, scheme = wantsTls ? 'https' : 'http', target] = MEMBER.exec(url) ?? [];
    if (target === undefined) {
      throw invalid('endpoints', '`http://host:port` or `https://host:port`, with commas between several', url);
    }
    schemes.add(scheme.toLowerCase());
    return { url, target };
  });
  if (schemes.size > 1) throw invalid('endpoints', 'either all https or all http', endpoints);
  const isTls = schemes.has('https');
  if (wantsTls && !isTls) {
    throw invalid('endpoints', 'https where `ETCD_AUTH_CA` or `ETCD_AUTH_CLIENT_CERT` is given', endpoints);
  }
  return { members, isTls };
}

function readTls({ ca, clientCert, clientKey }: EtcdDiscoveryOptions): Tls {
  return {
    ca: pem('ETCD_AUTH_CA', ca),
    cert: pem('ETCD_AUTH_CLIENT_CERT', clientCert),
    key: pem('ETCD_AUTH_CLIENT_KEY', clientKey),
  };
}

/** Dynamo has PEM in the variables; its documentation has paths. */
function pem(name: string, value: string | undefined): Buffer | undefined {
  if (value === undefined) return undefined;
  if (value.includes('-----BEGIN ')) return Buffer.from(value);
  try {
    return readFileSync(value);
  } catch (error) {
    throw new ProfiledError(
      'PROFILED_CONFIG_INVALID',
      `\`${name}\` must be PEM or the path of a file of it, and that file can not be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function checkPair(one: string, first: string | undefined, other: string, second: string | undefined): void {
  if ((first === undefined) === (second === undefined)) return;
  const [given, absent] = first === undefined ? [other, one] : [one, other];
  throw new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    `\`${given}\` is given without \`${absent}\`; give both or neither`,
  );
}

function invalid(name: string, expected: string, value: unknown): ProfiledError {
  const got = typeof value === 'number' ? String(value) : kindOf(value);
  return new ProfiledError('PROFILED_CONFIG_INVALID', `\`${name}\` of etcd discovery must be ${expected}, got ${got}`);
}
