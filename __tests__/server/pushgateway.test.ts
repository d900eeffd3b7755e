import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { ProfiledError } from '../../lib/errors';
import type { PushOptions } from '../../lib/server/push/options';
import { pushMetrics } from '../../lib/server/push/push';
import { ask } from '../support/http';
import { describeWith, type Program, startProgram } from '../support/program';
import { run } from '../support/sample';

describeWith('prometheus-pushgateway', 'prometheus-pushgateway')('a real Pushgateway', () => {
  let gateway: Program;
  let registry: Registry;

  beforeAll(async () => {
    gateway = await startProgram('prometheus-pushgateway', (host) => [`--web.listen-address=${host}`], '/-/ready');
  });
  afterAll(() => gateway.stop());

  beforeEach(() => {
    registry = new Registry();
    new Counter({ name: 'done_total', help: 'Things done', registers: [registry] }).inc(3);
  });

  const push = (options: Partial<PushOptions> = {}) =>
    pushMetrics({ url: gateway.address, job: 'nightly', registry, ...options });
  const linesOf = async (pattern: RegExp) => {
    const { body } = await ask(`${gateway.address}/metrics`);
    return body.split('\n').filter((line) => pattern.test(line));
  };

  test('takes every type, and shows it to Prometheus', async () => {
    new Gauge({ name: 'depth', help: 'd', labelNames: ['of'], registers: [registry] }).set({ of: 'a "\\\n' }, -1.5);
    new Histogram({ name: 'took_seconds', help: 't', buckets: [1], registers: [registry] }).observe(2);
    await push();
    expect(await linesOf(/job="nightly"/)).toEqual(
      expect.arrayContaining([
        'done_total{instance="",job="nightly"} 3',
        'depth{instance="",job="nightly",of="a \\"\\\\\\n"} -1.5',
        'took_seconds_bucket{instance="",job="nightly",le="1"} 0',
        'took_seconds_count{instance="",job="nightly"} 1',
      ]),
    );
  });

  test.each<[Record<string, string>, string]>([
    [{ shard: 'a b/c%?#' }, 'shard="a b/c%?#"'],
    [{ shard: 'ü' }, 'shard="ü"'],
    [{ shard: '..' }, 'shard=".."'],
    [{ shard: '=' }, 'shard="="'],
  ])('reads the group %j as it was meant', async (grouping, label) => {
    await push({ job: 'grouped', grouping });
    expect(await linesOf(/^done_total.*job="grouped"/)).toEqual([`done_total{instance="",job="grouped",${label}} 3`]);
    await push({ job: 'grouped', grouping, mode: 'delete' });
  });

  test('reads an empty value, which is no label', async () => {
    await push({ job: 'empty', grouping: { shard: '' } });
    expect(await linesOf(/^done_total.*job="empty"/)).toEqual([
      expect.stringMatching(/^done_total\{instance="",job="empty"(,shard="")?\} 3$/),
    ]);
  });

  test('replaces, adds and deletes', async () => {
    const other = new Registry();
    new Gauge({ name: 'other', help: 'o', registers: [other] }).set(1);
    const names = async () => (await linesOf(/^(done_total|other)\{.*job="modes"/)).map((line) => line.split('{')[0]);
    await push({ job: 'modes' });
    await push({ job: 'modes', registry: other, mode: 'add' });
    expect(await names()).toEqual(['done_total', 'other']);
    await push({ job: 'modes', registry: other });
    expect(await names()).toEqual(['other']);
    await push({ job: 'modes', mode: 'delete' });
    expect(await names()).toEqual([]);
  });

  test('reads what is compressed', async () => {
    await push({ job: 'compressed', gzip: true });
    expect(await linesOf(/^done_total.*job="compressed"/)).toHaveLength(1);
  });

  test('says what it does not take', async () => {
    const error: unknown = await pushMetrics({ url: `${gateway.address}/elsewhere`, job: 'lost', registry }).catch(
      (reason: unknown) => reason,
    );
    if (!ProfiledError.is(error)) throw new Error('expected a ProfiledError');
    expect(error.message).toMatch(/^PROFILED_PUSH_FAILED: .*answered 404: 404 page not found$/);
  });

  test("has the sample's metrics after it ended", async () => {
    const output = await run('push-job', { PUSHGATEWAY_URL: gateway.address });
    expect(output.trim().split('\n')).toHaveLength(3);
    expect(await linesOf(/^requests_total/)).toEqual([
      'requests_total{component="jobs",endpoint="resize",instance="",job="thumbnails",namespace="samples",shard="a/b"} 3',
    ]);
  });
});

test('the sample ends with one line and exit code 1 where no Pushgateway is', async () => {
  const failed = run('push-job', { PUSHGATEWAY_URL: 'http://127.0.0.1:1' });
  await expect(failed).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^PROFILED_PUSH_FAILED: .*127\.0\.0\.1:1\/metrics\/.* could not be reached.*\n$/),
  });
});
