import { isIP, isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { ServeTarget } from '../transport';

/** An IP address and a port of 1 or more. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

const SOCKET_ADDRESS = /^(?:\[([^[\]]+)\]|([^:[\]]+)):(\d{1,5})$/;

/**
 * Reads `ip:port`, an IPv6 address in brackets. Undefined for everything else, host names included, which upstream does not
 * resolve either (protocol, section 4.3).
 */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const [, v6, v4, digits] = SOCKET_ADDRESS.exec(text) ?? [];
  const host = v6 ?? v4;
  const port = Number(digits);
  if (host === undefined || isIP(host) !== (v6 ? 6 : 4) || port < 1 || port > 65_535) return undefined;
  return { host, port };
}

export function formatSocketAddress({ host, port }: SocketAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The `ip:port` of an address of the request plane, and the path behind its first `/`. An optional `tcp://` is passed over. */
export function splitAddress(address: string): { readonly authority: string; readonly path: string } {
  const start = address.startsWith('tcp://') ? 'tcp://'.length : 0;
  const slash = address.indexOf('/', start);
  if (slash < 0) return { authority: address.slice(start), path: '' };
  return { authority: address.slice(start, slash), path: address.slice(slash + 1) };
}

/** Where a target stands on its server, as workers of Dynamo 1.6 spell it: `<id hex>/<namespace>/<component>/<endpoint>`. */
export function pathOf({ instanceId, namespace, component, endpoint }: ServeTarget): string {
  return [instanceId.toString(16), ...[namespace, component, endpoint].map(escapeName)].join('/');
}

function escapeName(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('/', '%2F');
}

/**
 * The address under which other machines reach this one, by upstream's rule: the first IPv4 address that is no loopback, else the
 * first such IPv6 address, else 127.0.0.1. `family` asks for one of that family only; for IPv6 the last resort is `::1`.
 * Link-local addresses are passed over: they mean nothing to another machine.
 */
export function localHost(family?: 4 | 6): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all);
  const usable = addresses.filter(({ internal, address }) => !internal && !/^(fe[89ab]|169\.254\.)/i.test(address));
  const first = (matches: (address: string) => boolean) => usable.find(({ address }) => matches(address))?.address;
  const v4 = family === 6 ? undefined : first(isIPv4);
  const v6 = family === 4 ? undefined : first(isIPv6);
  return v4 ?? v6 ?? (family === 6 ? '::1' : '127.0.0.1');
}

/** What to make known for a listener that is bound to `host`: an unspecified address reaches nobody. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return localHost(4);
  return isIPv6(host) && /^[0:]+$/.test(host) ? localHost(6) : host;
}
