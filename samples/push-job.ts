/**
 * A job that ends before anyone could scrape it pushes its metrics to a Pushgateway (Debian: apt-get install prometheus-pushgateway).
 *
 *   npm run sample samples/push-job.ts
 *   curl -s localhost:9091/metrics | grep ^requests_total
 *
 * Expect requests_total{endpoint="resize",job="thumbnails",shard="a/b"} 3. PUSHGATEWAY_URL sets another address.
 */
import { profiled, pushMetrics } from 'profiled';
import { finish } from './support/process';

const resize = profiled('samples.jobs.resize', async (image: string) => `${image}, small`);

async function main(): Promise<void> {
  const url = process.env.PUSHGATEWAY_URL ?? 'http://localhost:9091';
  try {
    for (const image of ['one.png', 'two.png', 'three.png']) console.log(await resize(image));
  } finally {
    // Also when the job fails: its errors are in errors_total.
    await pushMetrics({ url, job: 'thumbnails', grouping: { shard: 'a/b' } });
  }
}

finish(main());
