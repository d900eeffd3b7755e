import type { Settings } from '../config/settings';
import { ProfiledError } from '../errors';
import { log } from '../internal/logger';
import { warn } from '../internal/warning';
import { health as processHealth } from './health';
import { listen } from './listen';
import { scrapeOptions, type SystemRouterOptions } from './router';
import { RunningServer, type SystemServer, type SystemServerInfo } from './running-server';
import { resolveScrapeLimits } from './scrape-limits';

/** Options of {@link startSystemServer}; each goes before its variable, all of them are checked like it. */
export interface SystemServerOptions extends SystemRouterOptions {
  /** 0 = any free port. @default DYN_SYSTEM_PORT, else 8081 */
  readonly port?: number;
  /** The address to bind to. @default DYN_SYSTEM_HOST, else '0.0.0.0' */
  readonly host?: string;
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
  warnOfIgnored(options, running);
  return running;
}

/** Starts the server for the environment's sake. It does not keep the process alive. @throws as {@link startSystemServer} */
export function startAutomatically(settings: Settings): Promise<SystemServer> {
  const state = systemServerState();
  return (state.starting ??= start(state, { health: processHealth, settings, limits: resolveScrapeLimits({}) }));
}

/** Where the system server of this process listens, or undefined while it does not. */
export function systemServerInfo(): SystemServerInfo | undefined {
  const running = systemServerState().running;
  return running && { hostname: running.hostname, port: running.port, address: running.address };
}

function contextOf(options: SystemServerOptions) {
  const context = scrapeOptions(options);
  if (context.settings.system.port >= 0) return context;
  throw new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    'the system server is turned off by a negative port (DYN_SYSTEM_PORT or the `port` option), so it can not be started. ' +
      'Give a port from 0 (any free one) to 65535.',
  );
}

async function start(state: SystemServerState, context: Parameters<typeof listen>[0]): Promise<RunningServer> {
  try {
    const listening = await listen(context, () => state.held);
    state.running = new RunningServer(listening, context.settings.system.host, () => onStop(state));
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

function warnOfIgnored({ port, host }: SystemServerOptions, running: SystemServer): void {
  const ignored = [
    port !== undefined && port !== 0 && port !== running.port && `\`port\` ${port}`,
    host !== undefined && host !== running.hostname && `\`host\` '${host}'`,
  ].filter((text) => text !== false);
  if (ignored.length === 0) return;
  const message = `the system server already runs at ${running.address}; ${ignored.join(' and ')} can not be honoured`;
  warn(message, 'PROFILED_CONFIG_INVALID');
}
