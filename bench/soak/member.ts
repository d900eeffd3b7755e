import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Line } from './tasks';
import { get } from './waiting';

/** The samples of one scrape: `name` or `name{error_type}`, summed over other labels. */
export type Samples = Readonly<Record<string, number>>;

/** How a process of ours has ended. */
export type Fate = 'lives' | 'ended in order' | 'killed';

interface Hello {
  readonly port: number;
  readonly instanceId: string;
}

/** A worker or a client: its process, its record, and what it said last. */
export class Member {
  fate: Fate = 'lives';
  /** What a worker's metrics said last, nothing being under way any more. */
  samples: Samples | undefined;
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: string }) => void>();
  #n = 0;

  private constructor(
    readonly name: string,
    readonly kind: 'worker' | 'client',
    private readonly file: string,
    private readonly child: ChildProcess,
    private readonly hello: Hello,
  ) {
    child.on('message', (message: { n: number; result?: unknown; error?: string }) =>
      this.#waiting.get(message.n)?.(message),
    );
    child.on('exit', () => {
      for (const settle of this.#waiting.values()) settle({ error: 'the process has ended' });
    });
  }

  static async start(kind: Member['kind'], name: string, folder: string, env: Record<string, string>): Promise<Member> {
    const file = join(folder, `${name}.jsonl`);
    const child = fork(join(__dirname, `${kind}.js`), [file, name], { env: { ...process.env, ...env } });
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${String(code)}`)));
    ended.catch(() => {});
    const [hello] = (await Promise.race([once(child, 'message'), ended])) as [Hello];
    return new Member(name, kind, file, child, hello);
  }

  get instanceId(): string {
    return this.hello.instanceId;
  }

  /** @throws what went wrong there, or that there was no answer within `limitMs` */
  async ask<T>(op: string, argument?: unknown, limitMs = 30_000): Promise<T> {
    const n = ++this.#n;
    const answer = await new Promise<{ result?: unknown; error?: string }>((resolve) => {
      this.#waiting.set(n, resolve);
      setTimeout(() => resolve({ error: `no answer within ${limitMs} ms` }), limitMs).unref();
      this.child.send({ n, op, argument });
    });
    this.#waiting.delete(n);
    if (answer.error !== undefined) throw new Error(`${this.name}, ${op}: ${answer.error}`);
    return answer.result as T;
  }

  /** Whether a worker's `/health` says that it is ready. */
  async isReady(): Promise<boolean> {
    return (await get(`http://127.0.0.1:${this.hello.port}/health`))?.status === 200;
  }

  async scrape(): Promise<Samples> {
    const answer = await get(`http://127.0.0.1:${this.hello.port}/metrics`);
    if (answer?.status !== 200) throw new Error(`${this.name}: /metrics gave ${answer?.status ?? 'no answer'}`);
    const samples: Record<string, number> = {};
    for (const [, name, labels = '', value] of answer.body.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)) {
      const [, type] = /(?:error_type|outcome)="(\w+)"/.exec(labels) ?? [];
      const key = type ? `${name}{${type}}` : name!;
      if (!labels.includes('le="')) samples[key] = (samples[key] ?? 0) + Number(value);
    }
    return samples;
  }

  /** Sends SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.fate = 'killed';
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  /** Drains a worker by SIGTERM, or stops a client; reads the worker's metrics; resolves to the exit code. */
  async end(): Promise<number | null> {
    if (this.kind === 'worker') {
      this.child.kill('SIGTERM');
      await this.ask('drained');
      this.samples = await this.scrape();
    } else await this.ask('stop');
    this.fate = 'ended in order';
    const gone = once(this.child, 'exit') as Promise<[number | null]>;
    const late = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    this.child.disconnect();
    const [code] = await gone;
    clearTimeout(late);
    return code;
  }

  /** Everything that it has written down. A line that SIGKILL has cut short is none. */
  lines(): Line[] {
    const text = readFileSync(this.file, 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  }
}
