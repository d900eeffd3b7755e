/**
 * The `service_*{service="backend"}` variant: the standard set under a prefix and with a label of its own, and a metric created
 * through the hierarchy, which brings the endpoint's labels along.
 *
 *   npm run sample samples/service-metrics.ts
 *
 * Expect service_requests_total{component="component",endpoint="endpoint",namespace="system",service="backend"} 2.
 */
import { DistributedRuntime, getRegistry, Ingress, type SingleIn } from 'profiled';
import { finish } from './support/process';

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings({ requestPlane: 'memory' });
  const endpoint = runtime.namespace('system').component('component').endpoint('endpoint');

  const lengths = endpoint.metrics.createHistogram(
    'service_text_bytes',
    'Bytes of a text',
    { service: 'backend' },
    [10, 100],
  );
  const handler = {
    async *generate(request: SingleIn<string>) {
      lengths.observe(Buffer.byteLength(request.data));
      yield request.data.toUpperCase();
    },
  };
  const ingress = Ingress.forEngine(handler, { prefix: 'service_', labels: { service: 'backend' } });
  await endpoint.endpointBuilder().handler(ingress).start();

  const client = await endpoint.client<string, string>();
  await client.waitForInstances();
  for (const text of ['hello', 'a longer text than that']) {
    for await (const item of await client.roundRobin(text)) console.log(item.data);
  }
  await runtime.shutdown();
  console.log(await getRegistry().metrics());
}

finish(main());
