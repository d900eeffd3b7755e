import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function untilCtrlC(): Promise<void> {
  return new Promise((resolve) => {
    const stayAlive = setInterval(() => {}, 2 ** 30);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clearInterval(stayAlive);
        resolve();
      });
    }
  });
}

/** Says what to try once `server` listens, and closes it at the first Ctrl-C. */
export async function serveUntilCtrlC(server: Server, metrics = '/metrics'): Promise<void> {
  if (!server.listening) await once(server, 'listening');
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  console.log(`curl -s ${origin}/hello/you; curl -s ${origin}${metrics}`);
  await untilCtrlC();
  server.close();
  server.closeAllConnections();
}

/** Lets `main` be the whole program: a failure is one clear line and exit code 1. */
export function finish(main: Promise<void>): void {
  main.catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
}
