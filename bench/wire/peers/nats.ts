import { connect, type Msg } from '@nats-io/transport-node';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Task } from '../cases';
import { generate, type Item } from '../handler';
import type { Peer } from '../peer';

/** Half of what the broker keeps for one client by default (`max_pending`, 64 MiB). */
const BUFFER_BYTES = 32 * 2 ** 20;

/** What an item costs there beside its text. */
const ENVELOPE_BYTES = 100;

/** How often a stream waits until the broker has its items. */
const FLUSH_ITEMS = 64;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A broker, and a connection to it once it listens. */
async function startBroker(): Promise<{ readonly url: string; readonly pid: number; stop(): Promise<unknown> }> {
  const port = await freePort();
  const broker = spawn('nats-server', ['--addr', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' });
  const gone = once(broker, 'exit');
  const url = `127.0.0.1:${port}`;
  for (let attempts = 0; ; attempts++) {
    try {
      await (await connect({ servers: url, reconnect: false })).close();
      break;
    } catch (error) {
      if (attempts > 100) throw error;
      await delay(50);
    }
  }
  const stop = () => {
    broker.kill();
    return gone;
  };
  return { url, pid: broker.pid!, stop };
}

/**
 * Requests with many answers. Nothing tells a worker how far its reader is, so streams end before the broker's buffer does; an
 * empty message is the last one.
 */
export const peer: Peer = {
  title: 'nats.js + nats-server',
  async serve() {
    const broker = await startBroker();
    const connection = await connect({ servers: broker.url });
    const { signal } = new AbortController();
    const answer = async (message: Msg) => {
      const task = message.json<Task>();
      let sent = 0;
      for await (const item of generate(task, signal, (data) => ({ data }))) {
        message.respond(JSON.stringify(item));
        if (++sent % FLUSH_ITEMS === 0) await connection.flush();
      }
      message.respond();
    };
    connection.subscribe('bench.wire', { callback: (_error, message) => void answer(message) });
    await connection.flush();
    return {
      address: broker.url,
      pids: [broker.pid],
      isWorker: true,
      close: () => connection.close().then(() => broker.stop()),
    };
  },
  async connect(address) {
    const connection = await connect({ servers: address });
    return {
      read: async (task, onItem) => {
        const options = { strategy: 'sentinel', maxWait: 120_000 } as const;
        for await (const message of await connection.requestMany('bench.wire', JSON.stringify(task), options)) {
          if (message.data.length === 0) break;
          if (!onItem(message.json<Item>().data)) break;
        }
      },
      close: () => connection.close(),
    };
  },
  itemsPerStream: (streams, size) =>
    Math.min(8192, Math.max(8, Math.floor(BUFFER_BYTES / streams / (size + ENVELOPE_BYTES)))),
};
