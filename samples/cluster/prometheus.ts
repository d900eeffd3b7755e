import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Processes, until } from './processes';
import { answers, freePort } from './servers';

/** Where the metrics of a worker are, and the name that its series get as the label `worker`. */
export interface Target {
  readonly worker: string;
  readonly target: string;
}

/** A Prometheus that finds its targets in a file, and what it answers. */
export class Prometheus {
  private constructor(
    readonly url: string,
    private readonly workers: number,
  ) {}

  /** Resolves when every target was scraped. */
  static async start(processes: Processes, targets: readonly Target[]): Promise<Prometheus> {
    const file = (name: string, content: unknown): string => {
      const path = join(processes.folder, name);
      writeFileSync(path, JSON.stringify(content)); // JSON is YAML.
      return path;
    };
    // Prometheus looks at this file again when it changes: workers that come and go need no restart.
    const found = file(
      'workers.json',
      targets.map(({ worker, target }) => ({ targets: [target], labels: { worker } })),
    );
    const config = file('prometheus.yml', {
      global: { scrape_interval: '1s' },
      scrape_configs: [{ job_name: 'workers', file_sd_configs: [{ files: [found] }] }],
    });
    const address = `127.0.0.1:${await freePort()}`;
    const storage = `--storage.tsdb.path=${join(processes.folder, 'prometheus')}`;
    const args = [`--config.file=${config}`, `--web.listen-address=${address}`, storage];
    await processes.server('prometheus', args, () => answers(`http://${address}/-/ready`));
    const prometheus = new Prometheus(`http://${address}`, targets.length);
    await until('every worker is scraped', async () => (await prometheus.query('up == 1')).length === targets.length);
    return prometheus;
  }

  /** Requests a second over the last 5 seconds, by worker. */
  rates(): Promise<[worker: string, rate: number][]> {
    return this.query('rate(requests_total[5s])');
  }

  /** Requests from the begin until now, by worker: what was scraped after this was called. */
  async counts(): Promise<[worker: string, count: number][]> {
    const now = Date.now() / 1_000;
    const query = `timestamp(requests_total) > ${now}`;
    await until('every worker is scraped once more', async () => (await this.query(query)).length === this.workers);
    return this.query('requests_total');
  }

  /** What a query comes to now, sorted by worker. */
  async query(query: string): Promise<[worker: string, value: number][]> {
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
    const answer = (await response.json()) as Answer;
    if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`);
    const values = answer.data.result.map(({ metric, value }) => [metric.worker, Number(value[1])] as [string, number]);
    return values.sort(([a], [b]) => a.localeCompare(b));
  }
}

/** As the HTTP API of Prometheus has it. */
type Answer =
  | { status: 'error'; error: string }
  | { status: 'success'; data: { result: { metric: { worker: string }; value: [number, string] }[] } };
