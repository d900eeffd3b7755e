import type { SecureContextOptions } from 'node:tls';
import { token, userAndPassword } from '../../config/readers';
import type { Secret } from '../../config/secret';
import { ProfiledError } from '../../errors';
import { MAX_TIMER_MS } from '../../internal/clock';
import { checkOptionNames, show } from '../../metrics/labels';
import type { ScrapeOptions } from '../scrape';

/** What a push does to the group of its job and grouping, as the Pushgateway defines it. */
export const PUSH_MODES = {
  /** Replaces the whole group. */
  replace: 'PUT',
  /** Replaces the metrics of the same names in the group, and leaves the others. */
  add: 'POST',
  /** Deletes the whole group; nothing is collected. */
  delete: 'DELETE',
} as const;

/** Options of {@link pushMetrics}. */
export interface PushOptions {
  /** Where the Pushgateway is, with what stands before `/metrics`: `http://pushgateway:9091`. No credentials in it. */
  readonly url: string;
  /** The value of the label `job` that the metrics get. Not empty. */
  readonly job: string;
  /** Further labels that the metrics get, and that tell this group from others of the job. @default none */
  readonly grouping?: Readonly<Record<string, string>>;
  /** @default 'replace' */
  readonly mode?: keyof typeof PUSH_MODES;
  /** What is pushed. @default the shared registry */
  readonly registry?: ScrapeOptions['registry'];
  /** How long all of it may take, in milliseconds: collecting, connecting, sending and the answer. @default 10000 */
  readonly timeoutMs?: number;
  /** Whether to send it compressed, which the Pushgateway can read since 1.5. @default false */
  readonly gzip?: boolean;
  /** Brought along as `Authorization: Bearer`. @default none */
  readonly authToken?: string;
  /** Brought along as `Authorization: Basic`: `user:password`. @default none */
  readonly authBasic?: string;
  /** The CAs to trust in place of Node's, and a certificate to show. @default Node's CAs, and none */
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'passphrase'>;
}

/** Options after defaults and checks. */
export interface ResolvedPush extends Required<Pick<PushOptions, 'mode' | 'timeoutMs' | 'gzip'>> {
  readonly target: URL;
  readonly registry: ScrapeOptions['registry'];
  readonly authorization: string | undefined;
  readonly tls: PushOptions['tls'];
}

const NAMES = ['url', 'job', 'grouping', 'mode', 'registry', 'timeoutMs', 'gzip', 'authToken', 'authBasic', 'tls'];
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** @throws PROFILED_CONFIG_INVALID naming the option */
export function resolvePush(options: PushOptions): ResolvedPush {
  checkOptionNames('pushMetrics', options, NAMES);
  const { url, job, grouping = {}, mode = 'replace', registry, timeoutMs = 10_000, gzip = false, tls } = options;
  if (!Object.hasOwn(PUSH_MODES, mode)) refuse('mode', `one of ${Object.keys(PUSH_MODES).join(', ')}`, mode);
  if (!(typeof timeoutMs === 'number' && timeoutMs >= 1 && timeoutMs <= MAX_TIMER_MS)) {
    refuse('timeoutMs', `a number of milliseconds from 1 to ${MAX_TIMER_MS}`, timeoutMs);
  }
  if (typeof gzip !== 'boolean') refuse('gzip', 'true or false', gzip);
  if (typeof job !== 'string' || job === '') refuse('job', 'a text that is not empty', job);
  const target = gatewayOf(url);
  target.pathname = `${target.pathname.replace(/\/+$/, '')}/metrics/${groupPath({ job, ...checkedGrouping(grouping) })}`;
  return { target, mode, registry, timeoutMs, gzip, tls, authorization: authorizationOf(options) };
}

/** What is no address is not shown, since it may have a password in it. */
function gatewayOf(url: string): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  const isAddress = target && /^https?:$/.test(target.protocol) && target.search + target.hash === '';
  if (isAddress && target.username + target.password === '') return target;
  return refuse('url', 'the address of a Pushgateway, such as http://localhost:9091, without credentials and query');
}

function checkedGrouping(grouping: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (typeof grouping !== 'object' || grouping === null) refuse('grouping', 'an object of labels', grouping);
  for (const [name, value] of Object.entries<unknown>(grouping)) {
    if (name === 'job' || !LABEL_NAME.test(name)) refuse('grouping', 'names of labels, `job` left out', name);
    if (typeof value !== 'string') refuse(`grouping.${name}`, 'a text', value);
  }
  return grouping;
}

/**
 * The labels as the Pushgateway's README has them in a path: values that can not stand there (with a slash, empty, or dots that
 * mean another folder) in base64.
 */
function groupPath(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => {
      const text = value.toWellFormed();
      if (!/^$|\/|^\.{1,2}$/.test(text)) return `${name}/${encodeURIComponent(text)}`;
      return `${name}@base64/${Buffer.from(text).toString('base64url') || '='}`;
    })
    .join('/');
}

function authorizationOf({ authToken, authBasic }: PushOptions): string | undefined {
  if (authToken !== undefined && authBasic !== undefined) refuse('authToken', 'left out where `authBasic` is given');
  if (authToken !== undefined) return `Bearer ${secretOf('authToken', authToken, token).reveal()}`;
  if (authBasic === undefined) return undefined;
  return `Basic ${Buffer.from(secretOf('authBasic', authBasic, userAndPassword).reveal()).toString('base64')}`;
}

function secretOf(option: string, value: string, reader: typeof token): Secret {
  return reader.accept(value) ?? refuse(option, reader.expected);
}

/** Without `got` the value is not shown. */
function refuse(option: string, expected: string, ...got: unknown[]): never {
  const shown = got.length > 0 ? `, got ${show(got[0])}` : '; what was given is not shown';
  throw new ProfiledError('PROFILED_CONFIG_INVALID', `\`${option}\` of pushMetrics must be ${expected}${shown}`);
}
