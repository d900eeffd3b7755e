import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually';
import { freeze } from './freeze';

// A developer's machine may do without; where CI is set its absence fails the tests that start one.
export const hasNats = spawnSync('nats-server', ['--version']).status === 0 || Boolean(process.env.CI);
if (!hasNats)
  process.stderr.write('nats-server is not installed: its tests are skipped (Debian: apt-get install nats-server)\n');

/** `describe` for tests that start a NATS server. */
export const describeNats: jest.Describe = hasNats ? describe : describe.skip;

/** A NATS server in a process of its own, on a free port that it keeps. */
export class NatsServer implements AsyncDisposable {
  /** Files of its own, removed with it. */
  readonly folder = mkdtempSync(join(tmpdir(), 'profiled-nats-'));
  readonly #config = join(this.folder, 'server.conf');
  #child: ChildProcess | undefined;
  #port = 0;
  #log = '';

  private constructor() {}

  /** Resolves when it takes connections. `config` is text of its configuration file; a function can write files that it names. */
  static async start(
    config: string | ((file: (name: string, text: string) => string, folder: string) => string) = '',
  ): Promise<NatsServer> {
    const server: NatsServer = new NatsServer();
    const file = (name: string, text: string) => {
      const path = join(server.folder, name);
      writeFileSync(path, text);
      return path;
    };
    writeFileSync(server.#config, typeof config === 'string' ? config : config(file, server.folder));
    await server.restart();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  /** What it wrote to its log, in all its lives. */
  get log(): string {
    return this.#log;
  }

  /** Starts it, or starts it again on the same port, with another configuration if there is one. */
  async restart(config?: string): Promise<void> {
    if (config !== undefined) writeFileSync(this.#config, config);
    const port = this.#port === 0 ? '-1' : String(this.#port);
    const args = ['-a', '127.0.0.1', '-p', port, '-c', this.#config, '--ports_file_dir', this.folder];
    const child = (this.#child = spawn('nats-server', args));
    child.on('error', (error) => (this.#log += error.message));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
    const ports = `nats-server_${child.pid}.ports`;
    await eventually('the NATS server listens', () => {
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`no NATS server: ${this.#log}`);
      return readdirSync(this.folder).includes(ports) && readFileSync(join(this.folder, ports)).length > 0;
    });
    const { nats } = JSON.parse(readFileSync(join(this.folder, ports), 'utf8')) as { nats: [string] };
    this.#port = Number(new URL(nats[0]).port);
  }

  /** Freezes the process, without an end of any connection; it says nothing more when this resolves. */
  freeze(): Promise<void> {
    return freeze(this.#child!);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child!.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
