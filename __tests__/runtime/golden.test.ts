import { Annotated } from '../../lib/engine/annotated';
import type { AsyncEngine } from '../../lib/engine/engine';
import type { SingleIn } from '../../lib/engine/context';
import { Ingress } from '../../lib/ingress/ingress';
import type { Counter } from '../../lib/metrics/instruments';
import { getRegistry } from '../../lib/metrics/store';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import type { Endpoint } from '../../lib/runtime/target';
import { freshRegistry, sample } from '../../lib/testing';
import { readings } from '../support/readings';

const labels = { namespace: 'mynamespace', component: 'mycomponent', endpoint: 'myendpoint4598' };

class MySystemStatsMetrics {
  private constructor(readonly dataBytesProcessed: Counter) {}

  static fromEndpoint(endpoint: Endpoint): MySystemStatsMetrics {
    const help = 'Example of a custom metric. Total number of data bytes processed by system handler';
    return new MySystemStatsMetrics(endpoint.metrics.createCounter('my_custom_bytes_processed_total', help));
  }
}

class RequestHandler implements AsyncEngine<string, Annotated<string>> {
  constructor(private readonly metrics: MySystemStatsMetrics) {}

  async *generate(request: SingleIn<string>) {
    const [data] = request.intoParts();
    this.metrics.dataBytesProcessed.inc(data.length);
    for (const char of data) yield Annotated.fromData(char);
  }
}

describe("the documentation's own sample", () => {
  it('gives the documented numbers', async () => {
    freshRegistry();
    await using runtime = await DistributedRuntime.fromSettings({ requestPlane: 'memory' });
    const endpoint = runtime.namespace('mynamespace').component('mycomponent').endpoint('myendpoint4598');
    const ingress = Ingress.forEngine(new RequestHandler(MySystemStatsMetrics.fromEndpoint(endpoint)));
    ingress.addMetrics(endpoint);
    await endpoint.endpointBuilder().handler(ingress).start();

    const client = await endpoint.client<string, string>();
    await client.waitForInstances();
    const answers: string[] = [];
    for (let i = 0; i < 3; i++) {
      let answer = '';
      for await (const item of await client.random(`test message ${i}`)) answer += item.data;
      answers.push(answer);
    }

    expect(answers).toEqual(['test message 0', 'test message 1', 'test message 2']);
    expect(await readings(getRegistry(), labels)).toMatchObject({
      requests: 3,
      requestBytes: 1098,
      responseBytes: 1917,
      ended: 3,
      inflight: 0,
      cancellations: 0,
      errors: {},
    });
    expect(await sample(getRegistry(), 'my_custom_bytes_processed_total', labels)).toBe(42);
  });
});
