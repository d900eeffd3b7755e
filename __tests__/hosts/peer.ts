import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { deferred, type Deferred } from '../../lib/internal/deferred';
import type { Hosts } from './hosts';

export const PATH = 'n.c.generate';

/** What a handler does: says who it is; and then waits, or says it again and again, until it is stopped. */
export type Task = 'who' | 'hold' | 'flow';

/** What a client is asked. A stream that has begun is read to its end by `finish`, for so long at most. */
export type ClientCommand =
  | { readonly op: 'instances' }
  | { readonly op: 'begin'; readonly task: Task; readonly instance?: string }
  | { readonly op: 'finish'; readonly id: string; readonly limitMs?: number };

/** How far a call has come: `worker` is there once its stream has begun, `error` if it has failed. */
export interface Progress {
  readonly id: string;
  readonly worker?: string;
  readonly error?: string;
  readonly ms: number;
}

/** What a worker tells of itself. */
export interface WorkerReport {
  readonly instance: string;
  readonly health: number;
  /** What a scrape shows. */
  readonly metrics: string;
  /** The ids of the requests that reached its handler. */
  readonly seen: readonly string[];
}

/** A process on a host, `worker.ts` or `client.ts`: a line of JSON on its stdin is answered by one on its stdout. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Deferred<unknown>>();
  #asked = 0;
  #log = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
    child.stdin!.on('error', () => {}); // it was killed
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the process has ended: ${this.#log}`));
    });
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const { n, answer } = JSON.parse(line) as { n: number; answer: unknown };
      this.#waiting.get(n)!.resolve(answer);
      this.#waiting.delete(n);
    });
  }

  /** Starts one on the host of that name and waits until it is ready. */
  static async start(
    hosts: Hosts,
    host: string,
    program: 'worker' | 'client',
    env: Record<string, string>,
  ): Promise<Peer> {
    const args = ['--import', 'tsx', join(__dirname, `${program}.ts`), host];
    const peer = new Peer(hosts.start(host, process.execPath, args, env));
    await peer.#answerTo(0);
    return peer;
  }

  ask(command: { readonly op: 'report' }): Promise<WorkerReport>;
  ask(command: { readonly op: 'instances' }): Promise<string[]>;
  ask(command: ClientCommand): Promise<Progress>;
  ask(command: object): Promise<unknown> {
    const n = ++this.#asked;
    this.#child.stdin!.write(`${JSON.stringify({ n, ...command })}\n`);
    return this.#answerTo(n);
  }

  #answerTo(n: number): Promise<unknown> {
    const answer = deferred<unknown>();
    this.#waiting.set(n, answer);
    return answer.promise;
  }
}

/** The other end: answers every command, in whatever order they are done; the answer to 0 says that it is ready. */
export function serveCommands<T>(answerTo: (command: T) => Promise<unknown>): void {
  const tell = (n: number, answer: unknown) => console.log(JSON.stringify({ n, answer }));
  const answerLine = async (line: string) => {
    const command = JSON.parse(line) as T & { n: number };
    tell(command.n, await answerTo(command));
  };
  createInterface({ input: process.stdin })
    .on('line', (line) => void answerLine(line))
    .on('close', () => process.exit());
  tell(0, 'ready');
}
