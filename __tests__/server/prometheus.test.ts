import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Counter, Registry } from 'prom-client';
import { startSystemServer, type SystemServerOptions } from '../../lib/server/system-server';
import { codeBlocks, section, textOf } from '../docs/markdown';
import { pathOf } from '../support/certificates';
import { eventually } from '../support/eventually';
import { ask } from '../support/http';
import { describeWith, type Program, startProgram } from '../support/program';

const TOKEN = 'scrape-token';

interface Target {
  readonly labels: { readonly job: string };
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
}

describeWith('prometheus', 'prometheus')('Prometheus itself', () => {
  let folder: string;
  let prometheus: Program | undefined;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'profiled-prometheus-'))));
  afterEach(async () => {
    await prometheus?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A Prometheus that scrapes `address` once a second, with one job for each of `jobs`. */
  async function scraping(address: string, jobs: Record<string, object>): Promise<Program> {
    const common = { scheme: 'https', static_configs: [{ targets: [address.replace('https://', '')] }] };
    const scrape_configs = Object.entries(jobs).map(([job_name, job]) => ({ job_name, ...common, ...job }));
    const config = { global: { scrape_interval: '1s' }, scrape_configs };
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const args = (host: string) => [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${host}`,
    ];
    return startProgram('prometheus', args, '/-/ready');
  }

  async function targets({ address }: Program): Promise<Record<string, Target>> {
    const { body } = await ask(`${address}/api/v1/targets`);
    const { activeTargets } = (JSON.parse(body) as { data: { activeTargets: Target[] } }).data;
    return Object.fromEntries(activeTargets.map((target) => [target.labels.job, target]));
  }

  async function valueOf({ address }: Program, query: string): Promise<string | undefined> {
    const { body } = await ask(`${address}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { result } = (JSON.parse(body) as { data: { result: { value: [number, string] }[] } }).data;
    return result[0]?.value[1];
  }

  test('scrapes over TLS with its certificate and its token, and not without either', async () => {
    const registry = new Registry();
    new Counter({ name: 'seen_total', help: 's', registers: [registry] }).inc(42);
    const options: SystemServerOptions = {
      host: '127.0.0.1',
      port: 0,
      registry,
      authToken: TOKEN,
      tlsCertPath: pathOf('server'),
      tlsKeyPath: pathOf('server-key'),
      tlsClientCaPath: pathOf('ca'),
    };
    const server = await startSystemServer(options);
    try {
      const tls_config = { ca_file: pathOf('ca'), cert_file: pathOf('client'), key_file: pathOf('client-key') };
      writeFileSync(join(folder, 'token'), `${TOKEN}\n`);
      const authorization = { credentials_file: join(folder, 'token') };
      prometheus = await scraping(server.address, {
        right: { tls_config, authorization },
        'another-token': { tls_config, authorization: { credentials: 'another' } },
        'no-token': { tls_config },
        'no-certificate': { tls_config: { ca_file: pathOf('ca') }, authorization },
        'unknown-ca': { tls_config: { ...tls_config, ca_file: pathOf('stranger') }, authorization },
      });
      const running = prometheus;
      await eventually('every job has been tried', async () => {
        const tried = Object.values(await targets(running)).filter(({ health }) => health !== 'unknown');
        return tried.length === 5;
      });
      const seen = await targets(running);
      expect(seen.right).toMatchObject({ health: 'up', lastError: '' });
      expect(seen['another-token']).toMatchObject({ health: 'down', lastError: expect.stringContaining('401') });
      expect(seen['no-token']).toMatchObject({ health: 'down', lastError: expect.stringContaining('401') });
      expect(seen['no-certificate']).toMatchObject({
        health: 'down',
        lastError: expect.stringMatching(/tls|bad cert/),
      });
      expect(seen['unknown-ca']).toMatchObject({ health: 'down', lastError: expect.stringContaining('x509') });
      await eventually('the value', async () => (await valueOf(running, 'seen_total{job="right"}')) === '42');
    } finally {
      await server.stop();
    }
  }, 60_000);

  test('takes the configuration that the page shows', () => {
    const [yaml] = codeBlocks(section(textOf('docs/configuration.md'), 'Access'), 'yaml');
    writeFileSync(join(folder, 'prometheus.yml'), yaml!);
    const { status, stderr } = spawnSync(
      'promtool',
      ['check', 'config', '--syntax-only', join(folder, 'prometheus.yml')],
      { encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
