import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** One series of the answer to a query, and its value now. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus server of the tests' own. */
export interface Prometheus {
  /** `data` of an answer of the HTTP API, by its path below `/api/v1/`: `query_exemplars` as well. Rejects if it is an error. */
  get<T>(path: string, params?: Readonly<Record<string, string>>): Promise<T>;
  /** What PromQL says now. */
  query(expr: string): Promise<readonly Sample[]>;
  /** Asks again and again until the answer is as wanted, and resolves to it; fails after `limitMs` with the last one. */
  until(expr: string, isWanted: (samples: readonly Sample[]) => boolean, limitMs?: number): Promise<readonly Sample[]>;
  stop(): Promise<void>;
}

/** What is scraped, by job, and by which rules it is judged. */
export interface Setup {
  readonly targets: Readonly<Record<string, string>>;
  readonly rules: string;
}

export async function startPrometheus({ targets, rules }: Setup): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'profiled-prometheus-'));
  writeFileSync(join(folder, 'rules.yml'), rules);
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: Object.entries(targets).map(([job_name, target]) => ({
      job_name,
      honor_labels: true,
      static_configs: [{ targets: [target] }],
    })),
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const host = `127.0.0.1:${await freePort()}`;
  const flags = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${host}`,
    '--enable-feature=exemplar-storage',
    '--log.level=error',
  ];
  const child = spawn('prometheus', flags, { stdio: ['ignore', 'inherit', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  await once(child, 'spawn');
  return {
    ...client(host),
    async stop() {
      child.kill();
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function client(host: string): Omit<Prometheus, 'stop'> {
  const get = async <T>(path: string, params = {}): Promise<T> => {
    const answer = await fetch(`http://${host}/api/v1/${path}?${new URLSearchParams(params).toString()}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(params)}: ${error}`);
    return data;
  };
  const query = async (expr: string): Promise<readonly Sample[]> => {
    const { result } = await get<{ result: { metric: Sample['metric']; value: [number, string] }[] }>('query', {
      query: expr,
    });
    return result.map(({ metric, value: [, text] }) => ({ metric, value: Number(text) }));
  };
  const until: Prometheus['until'] = async (expr, isWanted, limitMs = 30_000) => {
    const deadline = performance.now() + limitMs;
    for (;;) {
      // It does not listen at first.
      const last = await query(expr).catch((error: Error) => error.message);
      if (typeof last !== 'string' && isWanted(last)) return last;
      if (performance.now() > deadline)
        throw new Error(`not within ${limitMs} ms: ${expr}, last ${JSON.stringify(last)}`);
      await pause(100);
    }
  };
  return { get, query, until };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
