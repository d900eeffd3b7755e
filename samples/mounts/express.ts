/**
 * Metrics in an Express app: /internal/metrics shows the app's own prom-client metrics and ours in one scrape.
 *
 *   npm run sample samples/mounts/express.ts
 *   curl -s localhost:3000/hello/you; curl -s localhost:3000/internal/metrics
 *
 * Expect app_greetings_total from the app beside requests_total{endpoint="greet"}. Ctrl-C ends it. PORT sets another port.
 */
import express from 'express';
import { Counter } from 'prom-client';
import { createSystemRouter, Profiled } from 'profiled';
import { serveUntilCtrlC } from '../support/process';

const greetings = new Counter({ name: 'app_greetings_total', help: 'Greetings, counted by the app itself' });

@Profiled('samples', 'express', 'greet')
class Greeter {
  async generate(name: string) {
    greetings.inc();
    return `hello ${name}\n`;
  }
}

const greeter = new Greeter();
const app = express();
app.get('/hello/:name', async (request, response) => void response.send(await greeter.generate(request.params.name)));
app.use('/internal', createSystemRouter());

void serveUntilCtrlC(app.listen(Number(process.env.PORT ?? 3000)), '/internal/metrics');
