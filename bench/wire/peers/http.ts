import express from 'express';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Task } from '../cases';
import { generate, type Item } from '../handler';
import type { Peer } from '../peer';

/** The answer to a POST of one task. */
async function post(agent: Agent, address: string, task: Task): Promise<IncomingMessage> {
  const [host, port] = address.split(':');
  const body = JSON.stringify(task);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const sent = request({ agent, host, port, method: 'POST', path: '/generate', headers });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

/** Chunked NDJSON: a POST whose answer has one line for each item. */
export const peer: Peer = {
  title: 'Express, NDJSON',
  async serve() {
    const app = express();
    app.use(express.json());
    app.post('/generate', async (request, response) => {
      const left = new AbortController();
      response.on('close', () => left.abort());
      response.type('application/x-ndjson');
      for await (const item of generate(request.body as Task, left.signal, (data) => ({ data }))) {
        if (response.write(`${JSON.stringify(item)}\n`) || left.signal.aborted) continue;
        await once(response, 'drain', { signal: left.signal }).catch(() => {});
      }
      response.end();
    });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const close = async () => {
      server.closeAllConnections();
      server.close();
    };
    return { address: `127.0.0.1:${port}`, pids: [], isWorker: true, close };
  },
  async connect(address) {
    const agent = new Agent({ keepAlive: true });
    return {
      read: async (task, onItem) => {
        const answer = await post(agent, address, task);
        answer.setEncoding('utf8');
        let rest = '';
        for await (const chunk of answer as AsyncIterable<string>) {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop()!;
          for (const line of lines) if (!onItem((JSON.parse(line) as Item).data)) return;
        }
      },
      close: async () => agent.destroy(),
    };
  },
};
