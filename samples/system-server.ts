/**
 * The server half of the system example: a handler that creates a metric of its own from its endpoint, served until Ctrl-C, with
 * the system server turned on by the environment.
 *
 *   DYN_LOG=1 DYN_SYSTEM_ENABLED=true DYN_SYSTEM_PORT=8081 npm run sample samples/system-server.ts
 *
 * Expect the address of /metrics, and its series at 0. Then run the client half of this sample in another terminal.
 */
import {
  Annotated,
  type AsyncEngine,
  type Counter,
  DistributedRuntime,
  type Endpoint,
  Ingress,
  ResponseStream,
  type SingleIn,
} from 'profiled';
import { finish, untilCtrlC } from './support/process';

/** Metrics beside the automatic ones. */
class MySystemStatsMetrics {
  private constructor(readonly dataBytesProcessed: Counter) {}

  static fromEndpoint(endpoint: Endpoint): MySystemStatsMetrics {
    return new MySystemStatsMetrics(
      endpoint.metrics.createCounter(
        'my_custom_bytes_processed_total',
        'Example of a custom metric. Total number of data bytes processed by system handler',
      ),
    );
  }
}

class RequestHandler implements AsyncEngine<string, Annotated<string>> {
  constructor(private readonly metrics?: MySystemStatsMetrics) {}

  async generate(input: SingleIn<string>) {
    const [data, context] = input.intoParts();
    this.metrics?.dataBytesProcessed.inc(Buffer.byteLength(data));
    const chars = Array.from(data, (char) => Annotated.fromData(char));
    return ResponseStream.from(chars, context);
  }
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const endpoint = runtime.namespace('mynamespace').component('mycomponent').endpoint('myendpoint');
  const handler = new RequestHandler(MySystemStatsMetrics.fromEndpoint(endpoint));
  const ingress = Ingress.forEngine(handler);
  ingress.addMetrics(endpoint);
  const served = await endpoint.endpointBuilder().handler(ingress).start();

  console.log(`serving: ${endpoint.path} at ${served.address}`);
  console.log(`metrics: ${runtime.systemServerInfo()?.address ?? 'off; set DYN_SYSTEM_ENABLED=true'}/metrics`);
  await untilCtrlC();
  await runtime.shutdown();
}

finish(main());
