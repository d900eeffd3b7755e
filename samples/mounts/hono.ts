/**
 * Metrics in Hono, and in whatever else speaks the Web's Request and Response. Needs npm install hono @hono/node-server
 *
 *   npm run sample samples/mounts/hono.ts
 *   curl -s localhost:3000/hello/you; curl -s localhost:3000/metrics
 *
 * Expect requests_total{endpoint="greet"} 1. Ctrl-C ends it. PORT sets another port.
 */
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createFetchHandler, profiled } from 'profiled';
import { serveUntilCtrlC } from '../support/process';

const greet = profiled('samples.hono.greet', (name: string) => `hello ${name}\n`);
const metrics = createFetchHandler();

const app = new Hono();
app.all('/metrics', (context) => metrics(context.req.raw));
app.get('/hello/:name', (context) => context.text(greet(context.req.param('name'))));

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });
void serveUntilCtrlC(server as Server);
