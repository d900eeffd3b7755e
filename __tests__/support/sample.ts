import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export const ROOT = join(__dirname, '..', '..');
const TS_NODE = [join(ROOT, 'node_modules', 'ts-node', 'dist', 'bin.js'), '--transpile-only'];

/** The environment of a user who has set nothing. */
function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('DYN_') && name !== 'PORT');
  return { ...Object.fromEntries(clean), ...extra };
}

/** Runs a sample to its end; resolves to its output. */
export async function run(sample: string, env: Record<string, string> = {}, nodeArgs: string[] = []): Promise<string> {
  const args = [...nodeArgs, ...TS_NODE, `samples/${sample}.ts`];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: environment(env),
    timeout: 20_000,
  });
  expect(stderr).toBe('');
  return stdout;
}

const running = new Set<ChildProcess>();
/** Ends what {@link start} has started and nobody interrupted. */
export function killSamples(): void {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
}

/** A sample that stays up: its output so far, and what ends it as Ctrl-C does. */
export async function start(sample: string, env: Record<string, string>, until: RegExp) {
  const child = spawn(process.execPath, [...TS_NODE, `samples/${sample}.ts`], { cwd: ROOT, env: environment(env) });
  running.add(child);
  const lines: string[] = [];
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (until.test(line)) break;
  }
  child.stdout.resume();
  return {
    output: lines.join('\n'),
    port: /http:\/\/[\w.]+:(\d+)/.exec(lines.join('\n'))?.[1],
    async interrupt(signal: NodeJS.Signals = 'SIGINT') {
      child.kill(signal);
      const [code] = (await exit) as [number | null];
      return { code, stderr: errors.join('') };
    },
  };
}
