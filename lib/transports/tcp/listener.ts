import { createServer, type Server, type Socket } from 'node:net';
import { messageOf, ProfiledError } from '../../errors';
import { log } from '../../internal/logger';
import { formatSocketAddress, reachableHost, type SocketAddress } from './address';
import { KEEP_ALIVE } from './dial';

/** Connections that the kernel accepts before this process does; it cuts that to its own limit (`net.core.somaxconn`). */
const BACKLOG = 4096;

/** Settings of a {@link Listener}. */
export interface ListenerOptions extends SocketAddress {
  /** What listens, for error messages. */
  readonly name: string;
  /** Whether a peer that has ended its direction is still answered. */
  readonly allowHalfOpen: boolean;
  readonly onConnection: (socket: Socket) => void;
}

/** A listening socket that is opened on first use and keeps the process alive only while it is held. */
export class Listener {
  readonly #server: Server;
  readonly #options: ListenerOptions;
  #address: Promise<string> | undefined;
  #isHeld = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { allowHalfOpen, onConnection } = options;
    this.#server = createServer({ ...KEEP_ALIVE, allowHalfOpen, noDelay: true }, onConnection);
    this.#server.unref();
    // A listener without one ends the process, for instance when it runs out of file descriptors.
    this.#server.on('error', (error) => {
      if (this.#server.listening) log.write('error', { err: error }, `${options.name}: ${messageOf(error)}`);
    });
  }

  /** Listens if it does not yet; the address to make known, `ip:port`. @throws PROFILED_PORT_IN_USE and its like */
  listen(): Promise<string> {
    return (this.#address ??= this.#listen().catch((error: unknown) => {
      this.#address = undefined;
      throw listenError(error, this.#options);
    }));
  }

  /** Whether it is needed, so that the process may not end. */
  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) this.#server.ref();
    else this.#server.unref();
  }

  /** Stops listening. Resolves when all its connections are closed as well, which is the caller's part. */
  async close(): Promise<void> {
    await this.#address?.catch(() => {});
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #listen(): Promise<string> {
    const server = this.#server;
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: BACKLOG, exclusive: true }, () => {
        server.off('error', reject);
        const bound = server.address() as { port: number };
        resolve(formatSocketAddress({ host: reachableHost(host), port: bound.port }));
      });
    });
  }
}

function listenError(cause: unknown, { name, host, port }: ListenerOptions): ProfiledError {
  const at = `${name} can not listen on ${formatSocketAddress({ host, port })}: ${messageOf(cause)}`;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new ProfiledError('PROFILED_PORT_IN_USE', `${at}. Set \`port\` to a free one; 0 takes any.`, { cause });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ProfiledError('PROFILED_PORT_DENIED', `${at}. Set \`port\` to one above 1023, or 0.`, { cause });
  }
  return new ProfiledError('PROFILED_LISTEN_FAILED', `${at}. Set \`host\` to an address of this machine.`, { cause });
}
