import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/** Debian keeps some servers where a user's PATH does not look. */
const PATH = `${process.env.PATH}:/usr/sbin`;
const PACKAGES = { 'nats-server': 'nats-server', etcd: 'etcd-server', prometheus: 'prometheus' };

/** @throws if a program that the cluster needs is not installed, with the command that installs it */
export function requirePrograms(): void {
  const isMissing = (program: string) => spawnSync(program, ['--version'], { env: { ...process.env, PATH } }).error;
  const missing = Object.entries(PACKAGES).filter(([program]) => isMissing(program));
  if (missing.length === 0) return;
  const [programs, packages] = [0, 1].map((column) => missing.map((row) => row[column]));
  throw new Error(`not installed: ${programs!.join(', ')}. On Debian: apt-get install ${packages!.join(' ')}`);
}

/** One of our own programs, and what it has said first. */
export interface Program {
  readonly said: string;
  /** Tells it to end; resolves to what it says then. */
  end(): Promise<string>;
}

/** The processes of the cluster, in groups of their own, so that Ctrl-C does not reach them. They are ended last one first. */
export class Processes implements AsyncDisposable {
  /** For what they write; removed in the end. */
  readonly folder = mkdtempSync(join(tmpdir(), 'profiled-cluster-'));
  readonly #ends: (() => Promise<void>)[] = [];

  /** Starts a server; resolves when `isReady`. */
  async server(program: string, args: readonly string[], isReady: () => Promise<boolean>): Promise<void> {
    const log = join(this.folder, `${program}.log`);
    const output = openSync(log, 'a');
    const env = { ...process.env, PATH };
    const child = spawn(program, args, { env, detached: true, stdio: ['ignore', output, output] });
    this.#ends.push(() => ended(child, () => child.kill('SIGTERM')));
    await until(`${program} is ready`, () => {
      if (child.exitCode !== null) throw new Error(`${program} has ended:\n${readFileSync(log, 'utf8')}`);
      return isReady();
    });
  }

  /** Starts a program of this folder; resolves when it has said something. */
  async program(file: string, name: string, env: Record<string, string>): Promise<Program> {
    const child = fork(join(__dirname, `${file}.ts`), { env: { ...process.env, ...env }, detached: true });
    this.#ends.push(() => ended(child, () => child.connected && child.disconnect()));
    const next = async (): Promise<string> => {
      const gone = once(child, 'exit').then(() => Promise.reject(new Error(`${name} has ended`)));
      const [said] = (await Promise.race([once(child, 'message'), gone])) as [string];
      return said;
    };
    const end = () => {
      child.send('end');
      return next();
    };
    return { said: await next(), end };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Asks a process to end, and kills it after 10 seconds. */
async function ended(child: ChildProcess, ask: () => unknown): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  ask();
  await exit;
  clearTimeout(late);
}

/** Looks ten times a second. @throws after 20 seconds */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; !(await condition()); looks++) {
    if (looks === 200) throw new Error(`not within 20 seconds: ${what}`);
    await sleep(100);
  }
}
