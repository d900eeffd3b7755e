/**
 * The main job: a decorated handler, served, called three times, and its metrics on http://localhost:8081/metrics.
 *
 *   npm start                     (DYN_SYSTEM_PORT=9090 npm start for another port)
 *   curl -s localhost:8081/metrics
 *
 * Expect requests_total 3, response_bytes_total 1917, my_custom_bytes_processed_total 42. Ctrl-C ends it.
 */
import {
  Annotated,
  type AsyncEngine,
  CustomMetric,
  DistributedRuntime,
  Profiled,
  type SingleIn,
  startSystemServer,
} from 'profiled';
import { finish, untilCtrlC } from './support/process';

@Profiled('mynamespace', 'mycomponent', 'myendpoint')
class RequestHandler implements AsyncEngine<string, Annotated<string>> {
  @CustomMetric({
    type: 'counter',
    name: 'my_custom_bytes_processed_total',
    help: 'Example of a custom metric. Total number of data bytes processed by system handler',
    value: ({ request }) => Buffer.byteLength(request as string),
  })
  async *generate(request: SingleIn<string>) {
    for (const char of request.data) yield Annotated.fromData(char);
  }
}

async function main(): Promise<void> {
  const server = await startSystemServer();
  const runtime = await DistributedRuntime.fromSettings({ requestPlane: 'memory' });
  await runtime.serve(new RequestHandler());

  const client = await runtime.endpoint('mynamespace.mycomponent.myendpoint').client<string, string>();
  await client.waitForInstances();
  for (const message of ['test message 0', 'test message 1', 'test message 2']) {
    let answer = '';
    for await (const item of await client.random(message)) answer += item.data ?? '';
    console.log(`${JSON.stringify(message)} was answered with ${answer.length} items`);
  }

  console.log(`\n  curl -s http://localhost:${server.port}/metrics\n\nCtrl-C ends it.`);
  await untilCtrlC();
  await runtime.shutdown();
  await server.stop();
}

finish(main());
