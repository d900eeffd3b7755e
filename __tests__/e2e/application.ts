import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ask } from '../support/http';
import { userEnvironment } from '../cli/command';
import type { Command } from './app';

const TEXT = 'text/plain;version=0.0.4';

/** The application in a process of its own. */
export interface Application {
  /** Where it is scraped in the format that Prometheus prefers, OpenMetrics. */
  readonly target: string;
  /** Where it is scraped in the text format, whatever is asked for. */
  readonly textTarget: string;
  /** Sends a command and resolves to its answer. */
  send<T>(command: Command): Promise<T>;
  /** A scrape in the text format. */
  scrape(): Promise<string>;
  stop(): Promise<void>;
}

export async function startApplication(): Promise<Application> {
  const program = ['--require', 'ts-node/register/transpile-only', join(__dirname, 'app.ts')];
  const child = spawn(process.execPath, program, { env: userEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the application ended');
    return JSON.parse(value) as unknown;
  };
  const address = (await read()) as string;
  const scrape = async () => (await ask(`${address}/metrics`, { headers: { accept: TEXT } })).body;
  const relay = await relayOf(scrape);
  return {
    target: new URL(address).host,
    textTarget: relay.host,
    scrape,
    async send<T>(command: Command) {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return (await read()) as T;
    },
    async stop() {
      relay.close();
      child.stdin.end();
      await closed;
    },
  };
}

/** Prometheus 2.42 can not be told which format to ask for, so this asks in its place. */
async function relayOf(scrape: () => Promise<string>) {
  const server = createServer((_, response) => {
    scrape().then(
      (body) => response.writeHead(200, { 'content-type': TEXT }).end(body),
      (error: Error) => response.writeHead(502).end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
