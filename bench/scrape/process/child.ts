/** One process of the scrape bench: `node child.js <job as JSON>`. Writes its reading as JSON. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createMetricsHandler } from 'profiled';
import { paired, spread } from '../../wire/statistics';
import { classes, decorate, ourRegistry, promRegistry, raiseOurs, render } from './registries';
import type { Comparison, Memory, ScrapeJob, TurnReadings } from '../readings';
import { type Turns, watchTurns } from '../turns';

const WARM_ROUNDS = 4;
/** Ours takes so little that one scrape is below what the account of the process tells well. */
const OUR_SCRAPES = 8;

const gc = () => globalThis.gc!();

async function compare({ what, handlers, pairs }: ScrapeJob & { pairs: number }): Promise<Comparison> {
  const peer = promRegistry(handlers);
  const isControl = what === 'control';
  if (!isControl) decorate(classes(handlers));
  const ours = isControl ? promRegistry(handlers) : ourRegistry();
  const ourScrape = what === 'all' || what === 'tenth' ? () => rendered(ours) : () => ours.metrics();
  const step = what === 'tenth' ? 10 : 1;
  const sides = {
    ours: { scrape: ourScrape, raise: () => !isControl && raiseOurs(ours, step), scrapes: isControl ? 1 : OUR_SCRAPES },
    peer: { scrape: () => peer.metrics(), raise: () => {}, scrapes: 1 },
  };
  const times: Record<'ours' | 'peer', number[]> = { ours: [], peer: [] };
  // The first rounds are for the compilers alone.
  for (let n = -WARM_ROUNDS; n < pairs; n++) {
    for (const side of n % 2 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const)) {
      const milliseconds = await cpuOf(sides[side]);
      if (n >= 0) times[side].push(milliseconds);
    }
  }
  return {
    times: spread(paired(times.peer, times.ours)).median,
    oursMs: spread(times.ours).median,
    peerMs: spread(times.peer).median,
  };
}

/** As a server does it, up to the bytes. */
async function rendered(registry: Parameters<typeof render>[0]): Promise<void> {
  (await render(registry)).release();
}

interface Side {
  readonly scrape: () => Promise<unknown>;
  readonly raise: () => void;
  readonly scrapes: number;
}

/** Until the threads that sweep up after a collection are done, milliseconds; without it ours read a third more on an idle machine than on a busy one. */
const SWEEPING_MS = 50;

/**
 * Milliseconds of CPU for a scrape, all threads, after one that does not count: threads that still sweep up after the other
 * side, and what it has left in the caches, are no part of it.
 */
async function cpuOf({ scrape, raise, scrapes }: Side): Promise<number> {
  gc();
  await setTimeout(SWEEPING_MS);
  let micros = 0;
  for (let n = 0; n <= scrapes; n++) {
    raise();
    const begun = process.cpuUsage();
    await scrape();
    const { user, system } = process.cpuUsage(begun);
    if (n > 0) micros += user + system;
  }
  return Math.max(micros, 1) / 1_000 / scrapes;
}

async function memory({ handlers, side }: ScrapeJob & { side: 'ours' | 'prom' }): Promise<Memory> {
  // What is made once, for whatever number of handlers.
  const warm = side === 'ours' ? [] : [promRegistry(1)];
  const targets = classes(handlers);
  if (side === 'ours') await rendered(ourRegistry());
  gc();
  const before = process.memoryUsage();
  if (side === 'ours') decorate(targets);
  gc();
  const decorated = process.memoryUsage();
  const registry = side === 'ours' ? ourRegistry() : promRegistry(handlers);
  gc();
  const made = process.memoryUsage();
  if (side === 'ours') await rendered(registry);
  else await registry.metrics();
  gc();
  const scraped = process.memoryUsage();
  if (targets.length + warm.length === 0) throw new Error('nothing was kept');
  return {
    decorator: (decorated.heapUsed - before.heapUsed) / handlers,
    heap: (made.heapUsed - decorated.heapUsed) / handlers,
    scrapedHeap: (scraped.heapUsed - decorated.heapUsed) / handlers,
    scrapedBuffers: (scraped.external - decorated.external) / handlers,
  };
}

/** Asks from another thread, whose time is not that of the one that is watched, and throws the answer away. */
const CLIENT = `
const { get } = require('node:http');
const { parentPort, workerData } = require('node:worker_threads');
parentPort.on('message', (coding) => get(
  { port: workerData, host: '127.0.0.1', headers: { 'Accept-Encoding': coding } },
  (response) => response.resume().on('end', () => parentPort.postMessage(response.statusCode)),
));`;

async function turns({ handlers, scrapes }: ScrapeJob & { scrapes: number }): Promise<TurnReadings> {
  decorate(classes(handlers));
  const server = createServer(createMetricsHandler()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new Worker(CLIENT, { eval: true, workerData: (server.address() as AddressInfo).port });
  await once(client, 'online');
  const ask = async (coding: string): Promise<void> => {
    const answer = once(client, 'message');
    client.postMessage(coding);
    const [status] = (await answer) as [number];
    if (status !== 200) throw new Error(`a scrape was answered with ${status}`);
  };
  const first = await watchTurns(() => ask('identity'));
  const registry = ourRegistry();
  const rounds: Record<'identity' | 'gzip', Turns[]> = { identity: [], gzip: [] };
  for (let n = 0; n < scrapes; n++) {
    for (const coding of ['identity', 'gzip'] as const) {
      raiseOurs(registry, 1);
      rounds[coding].push(await watchTurns(() => ask(coding)));
    }
  }
  await client.terminate();
  server.close();
  return { first, identity: worst(rounds.identity), gzip: worst(rounds.gzip) };
}

/** The longest of several scrapes; CPU is their median. */
function worst(all: readonly Turns[]): Turns {
  const most = (of: keyof Turns) => Math.max(...all.map((one) => one[of]));
  return {
    count: most('count'),
    longestWall: most('longestWall'),
    longest: most('longest'),
    longestWithoutGc: most('longestWithoutGc'),
    longestGc: most('longestGc'),
    cpu: spread(all.map(({ cpu }) => cpu)).median,
  };
}

async function main(job: ScrapeJob): Promise<void> {
  const reading = await ('pairs' in job ? compare(job) : 'side' in job ? memory(job) : turns(job));
  process.stdout.write(`${JSON.stringify(reading)}\n`);
}

main(JSON.parse(process.argv[2]!) as ScrapeJob).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
