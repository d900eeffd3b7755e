/**
 * Metrics as a Fastify plugin. Needs fastify 5: npm install fastify
 *
 *   npm run sample samples/mounts/fastify.ts
 *   curl -s localhost:3000/hello/you; curl -s localhost:3000/metrics
 *
 * Expect requests_total{endpoint="greet"} 1. Ctrl-C ends it. PORT sets another port.
 */
import { fastify, type FastifyPluginCallback } from 'fastify';
import { createMetricsHandler, profiled } from 'profiled';
import { serveUntilCtrlC } from '../support/process';

const greet = profiled('samples.fastify.greet', (name: string) => `hello ${name}\n`);

const metricsPlugin: FastifyPluginCallback = (app, _, done) => {
  const metrics = createMetricsHandler();
  app.all('/metrics', (request, reply) => {
    reply.hijack();
    metrics(request.raw, reply.raw);
  });
  done();
};

const app = fastify();
app.register(metricsPlugin);
app.get<{ Params: { name: string } }>('/hello/:name', async ({ params }) => greet(params.name));

void app.listen({ port: Number(process.env.PORT ?? 3000) }).then(() => serveUntilCtrlC(app.server));
