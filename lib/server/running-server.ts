import type { AccessSettings } from '../config/access';
import { Secret } from '../config/secret';
import type { Settings } from '../config/settings';
import { log } from '../internal/logger';
import type { Listening } from './listen';

/** How long `stop()` lets requests finish before it cuts their connections, in milliseconds. */
export const STOP_GRACE_MS = 1_000;

/** Where the system server listens. */
export interface SystemServerInfo {
  /** The address it was told to bind to, such as `0.0.0.0`. */
  readonly hostname: string;
  /** The port it got, never 0. */
  readonly port: number;
  /** The URL for a client on this machine, without a trailing slash: an address that stands for all is shown as the loopback. */
  readonly address: string;
}

/** The running system server of this process. */
export interface SystemServer extends SystemServerInfo {
  /**
   * Frees the port at once, gives requests under way a second, then closes. Every call gives the same promise. A new start need
   * not wait for it. The server is one for the process: it stops for everyone who started it.
   */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A server that listens, and its end. */
export class RunningServer implements SystemServer {
  readonly port: number;
  readonly address: string;
  readonly #server: Listening['server'];
  readonly #sockets: Listening['sockets'];
  #stopped: Promise<void> | undefined;

  readonly hostname: string;

  constructor(
    { server, protocol, port, sockets }: Listening,
    private readonly settings: Settings['system'],
    private readonly onStop: () => void,
  ) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = port;
    this.hostname = settings.host;
    this.address = `${protocol}://${reachable(settings.host)}:${port}`;
  }

  /** Whether it was started with that setting of access. */
  has<Name extends keyof AccessSettings>(name: Name, value: AccessSettings[Name]): boolean {
    return textOf(this.settings[name]) === textOf(value);
  }

  /** Makes a server that was started by the environment keep the process alive. */
  hold(): void {
    if (!this.#stopped) this.#server.ref();
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #close(): Promise<void> {
    this.onStop();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const cut = setTimeout(() => this.#sockets.forEach((socket) => socket.destroy()), STOP_GRACE_MS);
    await closed;
    clearTimeout(cut);
    log.write('info', { address: this.address }, 'the system server stopped');
  }
}

function textOf(setting: Secret | string | undefined): string | undefined {
  return setting instanceof Secret ? setting.reveal() : setting;
}

const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function reachable(hostname: string): string {
  const host = LOOPBACK[hostname] ?? hostname;
  return host.includes(':') ? `[${host}]` : host;
}
