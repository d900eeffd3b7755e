/**
 * Metrics on a plain server of node:http.
 *
 *   npm run sample samples/mounts/node-http.ts
 *   curl -s localhost:3000/hello/you; curl -s localhost:3000/metrics
 *
 * Expect requests_total{endpoint="greet"} 1. Ctrl-C ends it. PORT sets another port.
 */
import { createServer } from 'node:http';
import { createMetricsHandler, profiled } from 'profiled';
import { serveUntilCtrlC } from '../support/process';

const greet = profiled('samples.node-http.greet', (name: string) => `hello ${name}\n`);
// Whatever is no greeting is for the metrics, which answer 404 to any other path.
const metrics = createMetricsHandler({ path: '/metrics' });

const server = createServer((request, response) => {
  const [, name] = /^\/hello\/(\w+)$/.exec(request.url ?? '') ?? [];
  if (name) response.end(greet(name));
  else metrics(request, response);
});

void serveUntilCtrlC(server.listen(Number(process.env.PORT ?? 3000)));
