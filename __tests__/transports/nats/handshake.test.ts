import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { NatsOptions } from '../../../lib/transports/nats/options';
import { natsRequestPlane } from '../../../lib/transports/nats/planes';
import type { RequestPlane } from '../../../lib/transports/transport';
import { startNode } from '../../support/child';
import { watchDialed } from '../../support/dialed';
import { eventually } from '../../support/eventually';
import { type RawPeer, RawServer } from '../tcp/raw';

const dialed = watchDialed();
const TARGET = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 1n };
const info = (more: object = {}) =>
  `INFO ${JSON.stringify({ server_id: 'x', version: '2.9.10', proto: 1, headers: true, max_payload: 1_024, ...more })}\r\n`;
const ENCRYPTED = info({ tls_required: true });

/** What a server does on a connection: it never ends one, unless it says so. */
type Manner = (socket: Socket, isFirst: boolean) => void;

const well: Manner = (socket) => {
  socket.write(info());
  socket.on('data', (chunk: Buffer) => /PING\r\n/.test(chunk.toString()) && socket.write('PONG\r\n'));
};

/** A server that behaves in one manner, or in another one from some time on, and what dials it. */
class Scene implements AsyncDisposable {
  readonly plane: RequestPlane;
  #closed: Promise<unknown> | undefined;

  private constructor(
    readonly server: RawServer,
    options: NatsOptions,
  ) {
    this.plane = natsRequestPlane({ server: `nats://${server.address}`, ...options });
  }

  static async open(manner: () => Manner, options: NatsOptions): Promise<Scene> {
    let count = 0;
    const server = await RawServer.listen(({ socket }) => manner()(socket, count++ === 0));
    return new Scene(server, options);
  }

  send(): Promise<Uint8Array> {
    return this.plane.client.send('a.b', new Uint8Array(), {});
  }

  close(): Promise<unknown> {
    return (this.#closed ??= Promise.all([this.plane.server.close(), this.plane.client.close()]));
  }

  /** Waits for a connection that it can be said of. */
  some(what: string, isSo: (peer: RawPeer) => boolean): Promise<void> {
    return eventually(what, () => this.server.peers.some(isSo));
  }

  /** Every connection was ended by who had opened it. */
  async expectNoneLeft(): Promise<void> {
    const isOpen = ({ hasEnded, error, socket }: RawPeer) => !hasEnded && !error && !socket.destroyed;
    await eventually('no connection is left', () => !this.server.peers.some(isOpen), 5_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.close();
  }
}

const isOpen = () => true;
const isAnswered = ({ length }: RawPeer) => length > 0;

describe.each<[string, Manner, (peer: RawPeer) => boolean]>([
  ['says nothing', () => {}, isOpen],
  ['says half of its first word', (socket) => socket.write(info().slice(0, 20)), isOpen],
  ['asks for TLS and does not begin with it', (socket) => socket.write(ENCRYPTED), isAnswered],
  ['says no more than its first word', (socket) => socket.write(info()), isAnswered],
])('a NATS server that %s', (_, manner, isUnderWay) => {
  it('is given up in time, with no connection left', async () => {
    await using scene = await Scene.open(() => manner, { connectTimeoutMs: 200 });
    await expect(scene.send()).rejects.toMatchObject({
      code: 'PROFILED_DISCONNECTED',
      message: expect.stringMatching(/the NATS server at .* can not be used: it does not answer within 200 ms/),
    });
    await scene.expectNoneLeft();
  });

  it('does not hold up who closes meanwhile, with no connection left', async () => {
    await using scene = await Scene.open(() => manner, { connectTimeoutMs: 60_000 });
    const sent = expect(scene.send()).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await scene.some('it is under way', isUnderWay);
    await scene.close();
    await sent;
    await scene.expectNoneLeft();
  });

  it('is tried again when a connection was lost, with none left of all attempts', async () => {
    let current = well;
    await using scene = await Scene.open(() => current, { connectTimeoutMs: 200 });
    const { peers } = scene.server;
    await scene.plane.server.serve(TARGET, async () => new Uint8Array());
    current = manner;
    for (const { socket } of peers) socket.destroy();
    const before = peers.length;
    await eventually('it is tried again', () => peers.length > before + 2);
    await scene.close();
    await scene.expectNoneLeft();
  });
});

it.each<[string, Manner, string, RegExp]>([
  ['is none', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), 'PROFILED_DISCONNECTED', /unexpected/],
  ['ends after its first word', (socket) => socket.end(info()), 'PROFILED_DISCONNECTED', /it closed the connection/],
  ['ends before it', (socket) => socket.end(), 'PROFILED_DISCONNECTED', /it closed the connection/],
  [
    'refuses the credentials',
    (socket) => {
      socket.write(info());
      socket.once('data', () => socket.write("-ERR 'Authorization Violation'\r\n"));
    },
    'PROFILED_CONFIG_INVALID',
    /refuses the credentials/,
  ],
])('a NATS server that %s is an error, with no connection left', async (_, manner, code, message) => {
  await using scene = await Scene.open(() => manner, {});
  await expect(scene.send()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  await scene.expectNoneLeft();
});

it('a NATS server that answers no more after the handshake is given up, with no connection left', async () => {
  const manner: Manner = (socket, isFirst) => {
    socket.write(info());
    if (isFirst) socket.once('data', () => socket.write('PONG\r\n'));
  };
  await using scene = await Scene.open(() => manner, { pingIntervalMs: 50, connectTimeoutMs: 200 });
  await expect(scene.send()).rejects.toMatchObject({ code: 'PROFILED_DISCONNECTED' });
  await scene.close();
  await scene.expectNoneLeft();
});

it('a NATS server that does not even take the connection is given up, with none left', async () => {
  const worker = startNode(`
    const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
  `);
  const port = Number(await worker.firstLine);
  await worker.freeze();
  // Two have room in the queue of the kernel; who comes after them waits for its first answer.
  const queue = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(queue.map((socket) => once(socket, 'connect')));
  const plane = natsRequestPlane({ server: `nats://127.0.0.1:${port}`, connectTimeoutMs: 200 });
  await expect(plane.client.send('a.b', new Uint8Array(), {})).rejects.toMatchObject({
    message: expect.stringContaining('it does not answer within 200 ms'),
  });
  for (const socket of queue) socket.destroy();
  await eventually('no socket is left', () => dialed() === 0, 5_000);
  worker.kill('SIGKILL');
  await worker.finished;
  await Promise.all([plane.server.close(), plane.client.close()]);
});

it('closing does not wait for a NATS server whose name is still looked up, nor for the next one of the list', async () => {
  await using server = await RawServer.listen();
  const url = `nats://${server.address}`;
  const named = natsRequestPlane({ server: url.replace('127.0.0.1', 'localhost'), connectTimeoutMs: 60_000 });
  const many = natsRequestPlane({ server: `${url},${url}`, connectTimeoutMs: 60_000 });
  const sent = [named, many].map(({ client }) => client.send('a.b', new Uint8Array(), {}));
  await Promise.all([
    ...[named, many].flatMap((plane) => [plane.server.close(), plane.client.close()]),
    ...sent.map((ack) => expect(ack).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' })),
  ]);
  await eventually('no connection is left', () => dialed() === 0);
  // The second of the list is not dialed.
  expect(server.peers.length).toBeLessThan(3);
});

it('what others open while a NATS server is dialed stays theirs', async () => {
  await using scene = await Scene.open(() => () => {}, {});
  const sent = expect(scene.send()).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
  await scene.some('it is dialed', isOpen);
  const other = connect(Number(scene.server.address.split(':')[1]), '127.0.0.1');
  await once(other, 'connect');
  await scene.close();
  await sent;
  expect(other.destroyed).toBe(false);
  other.destroy();
});
