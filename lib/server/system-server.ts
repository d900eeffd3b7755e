import { ACCESS_OPTIONS } from '../config/access';
import { readAccess } from '../config/access-files';
import type { Settings } from '../config/settings';
import { ProfiledError } from '../errors';
import { log } from '../internal/logger';
import { warn } from '../internal/warning';
import { health as processHealth } from './health';
import { listen } from './listen';
import { routerOptions, type SystemRouterOptions } from './router';
import { RunningServer, type SystemServer, type SystemServerInfo } from './running-server';
import type { ScrapeOptions } from './scrape';
import { resolveScrapeLimits } from './scrape-limits';

/** Options of {@link startSystemServer}; each goes before its variable, all of them are checked like it. */
export interface SystemServerOptions extends SystemRouterOptions {
  /** 0 = any free port. @default DYN_SYSTEM_PORT, else 8081 */
  readonly port?: number;
  /** The address to bind to. @default DYN_SYSTEM_HOST, else '0.0.0.0' */
  readonly host?: string;
  /** The file of the certificate, PEM; with it the server speaks TLS alone. @default DYN_SYSTEM_TLS_CERT_PATH, else plain HTTP */
  readonly tlsCertPath?: string;
  /** The file of the certificate's private key, PEM. @default DYN_SYSTEM_TLS_KEY_PATH */
  readonly tlsKeyPath?: string;
  /** What the private key is encrypted with. @default DYN_SYSTEM_TLS_KEY_PASSPHRASE, else it is not */
  readonly tlsKeyPassphrase?: string;
  /**
   * The file of CA certificates, PEM. Every client then needs a certificate of one of them, probes too.
   * @default DYN_SYSTEM_TLS_CLIENT_CA_CERT_PATH, else clients need none
   */
  readonly tlsClientCaPath?: string;
}

interface SystemServerState {
  /** The start under way or done; undefined when there is none, or the last one failed. */
  starting: Promise<RunningServer> | undefined;
  running: RunningServer | undefined;
  /** Whether someone started the server in so many words: it then keeps the process alive like any server. */
  held: boolean;
  /** The start that the environment asked for, once it has been scheduled. */
  autoStart: { readonly immediate: NodeJS.Immediate; readonly done: Promise<SystemServerInfo | undefined> } | undefined;
}

const SHARED = Symbol.for('profiled/system-server@1');

/** What every copy of this package in the process knows of its one system server. */
export function systemServerState(): SystemServerState {
  return ((globalThis as Record<symbol, unknown>)[SHARED] ??= {
    starting: undefined,
    running: undefined,
    held: false,
    autoStart: undefined,
  } satisfies SystemServerState) as SystemServerState;
}

/**
 * Starts the system server: `/metrics`, health and liveness. There is one in a process: while it runs, every start resolves to
 * it, and options that it can not honour any more are named in a `ProfiledWarning`. `DYN_SYSTEM_ENABLED=false` does not matter
 * here, since the program asks by itself; a negative port does. The server keeps the process alive until `stop()`, even if the
 * environment had started it before.
 *
 * @throws PROFILED_CONFIG_INVALID with everything that is wrong with options and environment, PROFILED_PORT_IN_USE,
 *   PROFILED_PORT_DENIED, PROFILED_LISTEN_FAILED
 */
export async function startSystemServer(options: SystemServerOptions = {}): Promise<SystemServer> {
  const context = contextOf(options);
  const state = systemServerState();
  const wasHeld = state.held;
  state.held = true;
  // A start by the environment may fail on its own port; this one then tries on its own.
  if (!wasHeld && state.starting) await state.starting.catch(() => undefined);
  const joined = state.starting !== undefined;
  const running = await (state.starting ??= start(state, context));
  if (!joined) return running;
  running.hold();
  warnOfIgnored(options, context, running);
  return running;
}

/** Starts the server for the environment's sake. It does not keep the process alive. @throws as {@link startSystemServer} */
export function startAutomatically(settings: Settings): Promise<SystemServer> {
  const state = systemServerState();
  return (state.starting ??= start(state, {
    health: processHealth,
    settings,
    limits: resolveScrapeLimits({}),
    access: readAccess(settings.system, { withTls: true }),
  }));
}

/** Where the system server of this process listens, or undefined while it does not. */
export function systemServerInfo(): SystemServerInfo | undefined {
  const running = systemServerState().running;
  return running && { hostname: running.hostname, port: running.port, address: running.address };
}

function contextOf(options: SystemServerOptions): ScrapeOptions {
  const context = routerOptions(options, true);
  if (context.settings.system.port >= 0) return context;
  throw new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    'the system server is turned off by a negative port (DYN_SYSTEM_PORT or the `port` option), so it can not be started. ' +
      'Give a port from 0 (any free one) to 65535.',
  );
}

async function start(state: SystemServerState, context: ScrapeOptions): Promise<RunningServer> {
  try {
    const listening = await listen(context, () => state.held);
    state.running = new RunningServer(listening, context.settings.system, () => onStop(state));
    log.write('info', { address: state.running.address }, 'the system server listens');
    return state.running;
  } catch (error) {
    state.starting = undefined;
    state.held = false;
    throw error;
  }
}

function onStop(state: SystemServerState): void {
  state.starting = undefined;
  state.running = undefined;
  state.held = false;
}

function warnOfIgnored(options: SystemServerOptions, { settings }: ScrapeOptions, running: RunningServer): void {
  const { port, host } = options;
  const ignored = [
    port !== undefined && port !== 0 && port !== running.port && `\`port\` ${port}`,
    host !== undefined && host !== running.hostname && `\`host\` '${host}'`,
    ...ACCESS_OPTIONS.map(
      (name) => options[name] !== undefined && !running.has(name, settings.system[name]) && `\`${name}\``,
    ),
  ].filter((text) => text !== false);
  if (ignored.length === 0) return;
  const message = `the system server already runs at ${running.address}; ${ignored.join(' and ')} can not be honoured`;
  warn(message, 'PROFILED_CONFIG_INVALID');
}
