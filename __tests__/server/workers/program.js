'use strict';

/**
 * An app of several processes (`kind: 'cluster'`) or threads (`kind: 'threads'`). The one at the top serves `/metrics` and `/tell`; the
 * test drives all of them through the latter. `APP` in the environment says how many there are, and where the compiled lib is.
 */

const cluster = require('node:cluster');
const fs = require('node:fs');
const http = require('node:http');
const { setImmediate } = require('node:timers');
const threads = require('node:worker_threads');
const {
  lib,
  copy,
  gate,
  kind,
  by,
  count = 2,
  label,
  handler = {},
  without = [],
  top = true,
} = JSON.parse(process.env.APP);
const isTop = threads.isMainThread && cluster.isPrimary;
const own = isTop ? 0 : threads.isMainThread ? cluster.worker.id : threads.threadId;
const load = (name) => require(lib + '/' + name);
const hasProfiled = !without.includes(own);

/** A server of one's own for `/metrics`, not shared with other workers. */
const serve = (from) =>
  new Promise((resolve) => {
    const { createMetricsHandler } = require(from + '/server/metrics-handler');
    const server = http.createServer(createMetricsHandler(handler));
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () =>
      resolve('http://127.0.0.1:' + server.address().port),
    );
  });

const warnings = [];
process.on('warning', ({ message }) => warnings.push(message));

let calls;
let nested;
const held = [];
const deeds = {
  /** As many calls as the argument says. */
  async call(times) {
    for (let i = 0; i < Number(times); i++) await calls(i % 10 === 9 ? 'fail' : 'ok').catch(() => undefined);
  },
  /** A call that goes on until 'letGo'. */
  hold: () => void held.push(calls('hold')),
  /** Does nothing until the gate is there, from the next turn on. */
  block: () =>
    void setImmediate(() => {
      while (!fs.existsSync(gate));
    }),
  /** A metric whose collection tells the test when it begins, and never ends. */
  stall: () =>
    void new (require('prom-client').Gauge)({
      name: 'stalled',
      help: 's',
      collect: () => {
        up({ did: 'asked' });
        return new Promise(() => {});
      },
    }),
  /** A histogram with one bound. */
  histogram(bound) {
    new (require('prom-client').Histogram)({ name: 'sizes', help: 's', buckets: [Number(bound)] }).observe(1);
  },
  processMetrics: () => void require('prom-client').collectDefaultMetrics(),
  serve: () => serve(lib),
  /** The same with the second copy of the package. */
  serveCopy: () => serve(copy),
  async callCopy(times) {
    const { profiled } = require(copy + '/../decorators/function-form');
    const call = profiled('ns.comp.other', () => 1);
    for (let i = 0; i < Number(times); i++) call();
  },
  /** Starts a thread from here, and makes it call. */
  nest: (times) =>
    new Promise((resolve) => {
      nested = new threads.Worker(module.filename);
      nested.on('message', () => resolve(''));
      nested.postMessage({ id: 1, what: 'call', argument: times });
    }),
  unnest: () => nested.terminate().then(() => ''),
  systemServer: async () => {
    await load('server/auto-start').autoStartSystemServer();
    const info = load('server/system-server').systemServerInfo();
    return info ? info.address : 'none';
  },
  /** Resolves when this worker has said hello to the one at the top, if it ever will. */
  ready: async () => void (hasProfiled && (await load('server/auto-start').autoStartSystemServer())),
  warnings: () => warnings.join('\n'),
  /** Lets prom-client's own aggregation ask this worker. */
  aggregator: () => void new (require('prom-client').AggregatorRegistry)(),
  /** What prom-client makes of the workers by itself. */
  clusterMetrics: () => new (require('prom-client').AggregatorRegistry)().clusterMetrics(),
};

const up = (message) => (threads.isMainThread ? process.send(message) : threads.parentPort.postMessage(message));
const obey = async (message) => {
  if (!message.what) return;
  const gave = await deeds[message.what](message.argument);
  up({ did: message.id, gave });
};

if (hasProfiled && (top || !isTop)) {
  const { profiled } = require(lib + '/../decorators/function-form');
  calls = profiled('ns.comp.ep', async (how) => {
    if (how === 'fail') throw new Error('no');
    if (how === 'hold') await new Promise(() => {});
    return how;
  });
}

if (isTop) runTop();
else if (threads.isMainThread) process.on('message', obey);
else threads.parentPort.on('message', obey);

function runTop() {
  if (top && by !== 'environment')
    load('server/aggregate-workers').aggregateWorkers(label === undefined ? {} : { workerLabel: label });
  const waiting = new Map();
  const asked = [];
  let ids = 0;
  const onMessage = (message) => {
    if (message.did === 'asked') return void asked.shift()?.();
    waiting.get(message.did)?.(message.gave ?? '');
  };
  const workers = new Map();
  if (kind === 'cluster') {
    cluster.setupPrimary({ exec: module.filename, execArgv: [] });
    cluster.on('message', (_, message) => onMessage(message));
  }
  /** Resolves to the number of a new worker when that is ready. */
  const start = async () => {
    const worker = kind === 'cluster' ? cluster.fork() : new threads.Worker(module.filename);
    const id = kind === 'cluster' ? worker.id : worker.threadId;
    workers.set(id, worker);
    if (kind === 'threads') {
      worker.send = (message) => worker.postMessage(message);
      worker.on('message', onMessage);
    }
    await new Promise((resolve) => worker.on('online', resolve));
    await tell({ worker: String(id), what: 'ready' });
    return String(id);
  };
  const gone = (worker) => new Promise((resolve) => worker.once('exit', () => resolve('')));
  const topDeeds = {
    ...deeds,
    start,
    /** Resolves when a stalled metric is asked for. */
    asked: () => new Promise((resolve) => asked.push(() => resolve(''))),
    signal(argument) {
      const [id, signal] = argument.split(' ');
      process.kill(workers.get(Number(id)).process.pid, signal);
    },
    async end(id) {
      const worker = workers.get(Number(id));
      const exit = gone(worker);
      if (kind === 'cluster') worker.process.kill('SIGKILL');
      else void worker.terminate();
      await exit;
    },
  };
  const tell = async ({ worker, what, argument }) => {
    if (worker === '0') return topDeeds[what](argument);
    const id = ++ids;
    const done = new Promise((resolve) => waiting.set(id, resolve));
    workers.get(Number(worker)).send({ id, what, argument });
    return done;
  };
  const metrics = top && load('server/metrics-handler').createMetricsHandler({ path: '/metrics', ...handler });
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://x');
    if (url.pathname !== '/tell') return metrics(request, response);
    Promise.resolve(tell(Object.fromEntries(url.searchParams))).then(
      (gave) => response.end(gave ?? ''),
      (error) => {
        response.statusCode = 500;
        response.end(String(error.stack));
      },
    );
  });
  server.listen(0, '127.0.0.1', async () => {
    await Promise.all(Array.from({ length: count }, start));
    console.log('http://127.0.0.1:' + server.address().port);
  });
}
