import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ask } from '../support/http';
import type { Report } from './chaos-worker';

/** Samples of one endpoint, by name; `errors_total{type}` for each error type. */
export type Samples = Readonly<Record<string, number>>;

/** The worker process, as its driver sees it. */
export class WorkerProcess {
  addresses: Readonly<Record<string, string>> = {};
  stderr = '';
  #metricsPort = 0;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(limit: number) {
    const program = ['-r', 'ts-node/register/transpile-only', join(__dirname, 'chaos-worker.ts'), String(limit)];
    const inherited = Object.entries(process.env).filter(([name]) => !/^(DYN_|NODE_OPTIONS|JEST_)/.test(name));
    const env = {
      ...Object.fromEntries(inherited),
      DYN_SYSTEM_ENABLED: 'true',
      DYN_SYSTEM_HOST: '127.0.0.1',
      DYN_SYSTEM_PORT: '0',
      DYN_TCP_RPC_HOST: '127.0.0.1',
      DYN_DISCOVERY_BACKEND: 'mem',
    };
    this.#child = spawn(process.execPath, program, { env });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts a worker whose endpoints take so many requests at once. */
  static async start(limit: number): Promise<WorkerProcess> {
    const worker = new WorkerProcess(limit);
    const { addresses, metrics } = (await worker.#line()) as { addresses: Record<string, string>; metrics: number };
    worker.addresses = addresses;
    worker.#metricsPort = metrics;
    return worker;
  }

  async report(): Promise<Report> {
    this.#child.stdin.write('report\n');
    return (await this.#line()) as Report;
  }

  /** Everything that a scrape says of one endpoint. */
  async scrape(endpoint: string): Promise<Samples> {
    const samples: Record<string, number> = {};
    for (const [, name, labels, value] of await this.#samples()) {
      if (!labels!.includes(`endpoint="${endpoint}"`) || labels!.includes('le="')) continue;
      const [, type] = /error_type="(\w+)"/.exec(labels!) ?? [];
      samples[type ? `${name}{${type}}` : name!] = Number(value);
    }
    return samples;
  }

  /** What its socket has refused by itself, by reason. */
  async refusals(): Promise<Samples> {
    const all = (await this.#samples()).filter(([, name]) => name === 'request_plane_refused_total');
    return Object.fromEntries(all.map(([, , labels, value]) => [labels!.slice('reason="'.length, -1), Number(value)]));
  }

  /** Ends its stdin; resolves to its exit code once it has ended by itself. */
  async ended(): Promise<number | null> {
    const exit = once(this.#child, 'exit') as Promise<[number | null]>;
    this.#child.stdin.end();
    return (await exit)[0];
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Name, labels and value of each sample with labels. */
  async #samples(): Promise<RegExpExecArray[]> {
    const { body, status } = await ask(`http://127.0.0.1:${this.#metricsPort}/metrics`);
    if (status !== 200) throw new Error(`/metrics answered ${status}: ${body}`);
    return [...body.matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)];
  }

  async #line(): Promise<unknown> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`the worker has ended: ${this.stderr}`);
    return JSON.parse(value);
  }
}
