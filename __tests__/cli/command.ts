import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

/** How a run of the command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a user: nothing of ours but `env`. */
export function userEnvironment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(DYN_|NODE_OPTIONS|JEST_)/.test(name));
  return { ...Object.fromEntries(inherited), ...env };
}

/** Runs the command `profiled` as it is built, in `cwd`, to its end. */
export function profiled(args: readonly string[], env?: Record<string, string>, cwd = ROOT): Promise<Ended> {
  const options = { cwd, env: userEnvironment(env), timeout: 60_000, maxBuffer: 16 * 2 ** 20 };
  return new Promise((settle, reject) => {
    execFile(process.execPath, [join(ROOT, 'dist/lib/cli/main.js'), ...args], options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else settle({ code: (error?.code as number | undefined) ?? 0, stdout, stderr });
    });
  });
}
