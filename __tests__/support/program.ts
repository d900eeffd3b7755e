import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { ask } from './http';
import { eventually } from './eventually';

/**
 * `describe` for tests that need a program of a Debian package. A developer's machine may do without: the tests are skipped with one
 * line. Where CI is set its absence fails them.
 */
export function describeWith(program: string, debianPackage: string): jest.Describe {
  const isThere = spawnSync(program, ['--version']).status === 0;
  if (isThere || process.env.CI) return describe;
  process.stderr.write(
    `${program} is not installed: its tests are skipped (Debian: apt-get install ${debianPackage})\n`,
  );
  return describe.skip;
}

/** A program under way that answers HTTP. */
export interface Program {
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts a program on a free port of the loopback, and waits until `readyPath` is answered with 200. */
export async function startProgram(
  program: string,
  argsFor: (address: string) => string[],
  readyPath: string,
): Promise<Program> {
  const host = `127.0.0.1:${await freePort()}`;
  const child = spawn(program, argsFor(host), { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const exit = once(child, 'exit');
  const address = `http://${host}`;
  await eventually(`${program} is ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${complaints}`);
    return (await ask(address + readyPath).catch(() => undefined))?.status === 200;
  });
  const stop = async () => {
    child.kill('SIGKILL');
    await exit;
  };
  return { address, stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
