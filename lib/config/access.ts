import type { Picked, Resolution } from './resolve';
import type { Settings } from './settings';
import { VARIABLES } from './variables';

/** Who may scrape, and whether over TLS. */
const NAMES = [
  'authToken',
  'authTokenFile',
  'authBasic',
  'tlsCertPath',
  'tlsKeyPath',
  'tlsKeyPassphrase',
  'tlsClientCaPath',
] as const;

type Name = (typeof NAMES)[number];
/** The settings of access. */
export type AccessSettings = Pick<Settings['system'], Name>;

/** The names of the options of access. */
export const ACCESS_OPTIONS: readonly Name[] = NAMES;

/** Everyone may scrape, over plain HTTP. */
export const OPEN_ACCESS = Object.fromEntries(NAMES.map((name) => [name, undefined])) as AccessSettings;

/** The settings of access, or undefined where one of them, or what they are together, can not be used: never a part of them. */
export function accessSettings(resolution: Resolution): AccessSettings | undefined {
  const picked = Object.fromEntries(NAMES.map((name) => [name, resolution.pick<unknown>(VARIABLES[name])])) as Record<
    Name,
    Picked<unknown>
  >;
  const clashes = [...severalCredentials(picked), ...missing(picked)];
  resolution.problems.push(...clashes);
  if (clashes.length > 0 || NAMES.some((name) => picked[name].state === 'bad')) return undefined;
  return Object.fromEntries(NAMES.map((name) => [name, picked[name].value])) as unknown as AccessSettings;
}

type All = Readonly<Record<Name, Picked<unknown>>>;

/** One that can not be used has been given all the same. */
const isGiven = ({ state }: Picked<unknown>) => state !== 'default';

function severalCredentials({ authToken, authTokenFile, authBasic }: All): string[] {
  const given = [authToken, authTokenFile, authBasic].filter(isGiven).map(({ source }) => source);
  if (given.length < 2) return [];
  return [`${given.join(' and ')} are given together; expected one of them. Leave out the others.`];
}

function missing({ tlsCertPath, tlsKeyPath, tlsKeyPassphrase, tlsClientCaPath }: All): string[] {
  const needs: [Picked<unknown>, Name, Picked<unknown>][] = [
    [tlsCertPath, 'tlsKeyPath', tlsKeyPath],
    [tlsKeyPath, 'tlsCertPath', tlsCertPath],
    [tlsKeyPassphrase, 'tlsKeyPath', tlsKeyPath],
    [tlsClientCaPath, 'tlsCertPath', tlsCertPath],
  ];
  return needs
    .filter(([one, , other]) => isGiven(one) && !isGiven(other))
    .map(([{ source }, name]) => `${source} is given without ${named(name)}. Give both, or neither.`);
}

/** The variable and the option of a setting, as a message names them. */
export function named(name: Name): string {
  return `${VARIABLES[name].name} (or the \`${name}\` option)`;
}
