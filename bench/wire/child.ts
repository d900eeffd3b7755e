import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Answer } from './answering';

/** How long any answer may take, in milliseconds. */
const LIMIT_MS = 20_000;

/** One process of a peer, and the questions that it answers. */
export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #n = 0;

  /** `nodeArgs` go before the script: `--cpu-prof` and its like. */
  constructor(script: 'server' | 'client', args: readonly string[], nodeArgs: readonly string[] = []) {
    this.#name = `${script} ${args[0]}`;
    const execArgv = ['--expose-gc', ...nodeArgs];
    this.#process = fork(join(__dirname, `${script}.js`), args, { execArgv, serialization: 'json' });
    this.#process.on('message', (answer: Answer) => this.#waiting.get(answer.n)?.(answer));
    this.#process.on('exit', () => {
      for (const [n, answer] of this.#waiting) answer({ n, error: 'the process has ended' });
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** @throws what went wrong there, or that there was no answer in time */
  async ask<T>(op: string, argument?: unknown): Promise<T> {
    const n = ++this.#n;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(n, resolve);
      const late = setTimeout(() => resolve({ n, error: `no answer within ${LIMIT_MS} ms` }), LIMIT_MS);
      late.unref();
      this.#process.send({ n, op, argument });
    });
    this.#waiting.delete(n);
    if ('error' in answer) throw new Error(`${this.#name}, ${op}: ${answer.error}`);
    return answer.result as T;
  }

  /** Ends it in order if it can. */
  async end(): Promise<void> {
    const gone = once(this.#process, 'exit');
    await this.ask('end').catch(() => {});
    this.#process.disconnect();
    const limit = setTimeout(() => this.#process.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(limit);
  }
}
