import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { freeze } from './freeze';

const ROOT = resolve(__dirname, '../..');

/** How long a child may run before it is killed and the test fails, in milliseconds. */
const LIMIT_MS = 60_000;

/** What became of a child process. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A copy of `lib` and `decorators` as JavaScript in a folder of its own: what an installed package is to a program. Returns the `lib` folder,
 * which is there until the end of the test file that calls this, outside of its tests.
 */
export function compileLib(): string {
  const target = mkdtempSync(join(tmpdir(), 'profiled-lib-'));
  afterAll(() => rmSync(target, { recursive: true, force: true }));
  const files = ['lib', 'decorators'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  for (const file of files) {
    if (!file.endsWith('.ts')) continue;
    const output = join(target, file.replace(/\.ts$/, '.js'));
    const { outputText } = transpileModule(readFileSync(join(ROOT, file), 'utf8'), {
      compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true },
    });
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, outputText);
  }
  return join(target, 'lib');
}

/** A child process under way. */
export interface Running {
  /** Resolves with the first line on stdout, or with what there was at its end. */
  readonly firstLine: Promise<string>;
  readonly finished: Promise<Finished>;
  /** Ends the child's stdin, for programs that wait for that. */
  endInput(): void;
  kill(signal?: NodeJS.Signals): void;
  /** Stops it with SIGSTOP; it does nothing more when this resolves. */
  freeze(): Promise<void>;
}

/**
 * Starts `program` (CommonJS) in a Node process of its own, with no `DYN_` or `NATS_` variable but those of `env`. `args` go before the
 * program.
 */
export function startNode(program: string, env: Record<string, string> = {}, args: string[] = []): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(DYN_|NATS_|NODE_OPTIONS|JEST_)/.test(name));
  const child = spawn(process.execPath, [...args, '-e', program], {
    env: { ...Object.fromEntries(inherited), NODE_PATH: join(ROOT, 'node_modules'), ...env },
    timeout: LIMIT_MS,
  });
  const output = { stdout: '', stderr: '' };
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const firstLine = new Promise<string>((settle) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
      if (output.stdout.includes('\n')) settle(output.stdout.split('\n')[0]!);
    });
    child.stdout.on('end', () => settle(output.stdout));
  });
  const finished = new Promise<Finished>((settle, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => settle({ code, signal, ...output }));
  });
  return {
    firstLine,
    finished,
    endInput: () => child.stdin.end(),
    kill: (signal) => child.kill(signal),
    freeze: () => freeze(child),
  };
}

/** Runs a program as {@link startNode} does, until it ends by itself. */
export function runNode(program: string, env?: Record<string, string>, args?: string[]): Promise<Finished> {
  const running = startNode(program, env, args);
  running.endInput();
  return running.finished;
}
