/**
 * A cluster of four workers behind one port, and one scrape for all of them.
 *
 *   npm run sample samples/many-processes.ts
 *   for i in 1 2 3 4 5 6 7 8; do curl -s localhost:3000/you; done; curl -s localhost:8081/metrics
 *
 * Expect greetings from several processes, and requests_total{...} 8 whichever of them answered. Ctrl-C ends it. PORT and
 * DYN_SYSTEM_PORT set other ports.
 */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { aggregateWorkers, Profiled, startSystemServer } from 'profiled';
import { finish, untilCtrlC } from './support/process';

@Profiled('samples', 'processes', 'greet')
class Greeter {
  async generate(name: string) {
    return `hello ${name}, from process ${process.pid}\n`;
  }
}

async function primary(): Promise<void> {
  const end = untilCtrlC();
  aggregateWorkers();
  const workers = Array.from({ length: 4 }, () => cluster.fork());
  const ports = await Promise.all(workers.map((worker) => once(worker, 'listening') as Promise<[{ port: number }]>));
  const server = await startSystemServer();
  console.log(`curl -s http://localhost:${ports[0]![0].port}/you; curl -s ${server.address}/metrics`);
  await end;
  for (const worker of workers) worker.kill();
  await server.stop();
}

function worker(): void {
  const greeter = new Greeter();
  const server = createServer((request, response) => {
    void greeter.generate(request.url!.slice(1)).then((greeting) => response.end(greeting));
  });
  server.keepAliveTimeout = 1;
  server.listen(Number(process.env.PORT ?? 3000));
  // Ctrl-C reaches all processes of a terminal; the primary ends this one.
  process.on('SIGINT', () => undefined);
}

if (cluster.isPrimary) finish(primary());
else worker();
