import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../../support/eventually';
import { encodeRequestHead } from '../../../lib/wire/request-frame';

const peers = new Set<RawPeer>();

/** A plain socket that keeps what it receives, to stand where one of our own sides would. */
export class RawPeer {
  #received = Buffer.alloc(0);
  hasEnded = false;
  error: NodeJS.ErrnoException | undefined;

  constructor(readonly socket: Socket) {
    peers.add(this);
    socket.on('data', (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])));
    socket.on('end', () => (this.hasEnded = true));
    socket.on('error', (error) => (this.error = error));
  }

  static async connect(address: string): Promise<RawPeer> {
    const [, host, port] = /^\[?(.*?)\]?:(\d+)(?:\/|$)/.exec(address)!;
    const socket = connect({ host: host!, port: Number(port), allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  /** What has arrived, once it is at least `bytes` long. */
  async received(bytes: number): Promise<Buffer> {
    await eventually(`${bytes} bytes arrived`, () => this.#received.length >= bytes);
    return this.#received;
  }

  get length(): number {
    return this.#received.length;
  }

  /** Everything that arrived, once the other side has ended or broken the connection. */
  async all(): Promise<Buffer> {
    await eventually('the connection ended', () => this.hasEnded || this.error !== undefined || this.socket.destroyed);
    return this.#received;
  }
}

/** A plain listener that keeps its connections. */
export class RawServer implements AsyncDisposable {
  readonly peers: RawPeer[] = [];
  address = '';
  readonly #server: Server;

  private constructor(onPeer: (peer: RawPeer) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const peer = new RawPeer(socket);
      this.peers.push(peer);
      onPeer(peer);
    });
  }

  static async listen(onPeer: (peer: RawPeer) => void = () => {}): Promise<RawServer> {
    const raw = new RawServer(onPeer);
    raw.#server.listen(0, '127.0.0.1');
    await once(raw.#server, 'listening');
    raw.address = `127.0.0.1:${(raw.#server.address() as { port: number }).port}`;
    return raw;
  }

  /** The connection with this number, once it is there. */
  async peer(index: number): Promise<RawPeer> {
    await eventually(`connection ${index} is open`, () => this.peers.length > index);
    return this.peers[index]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** A whole request frame. */
export function requestFrame(path: string, payload: string | Uint8Array): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([encodeRequestHead(path, {}, bytes.length), bytes]);
}

/** Destroys the sockets of the test; whatever is open after that is ours. */
export async function noSocketIsLeft(): Promise<void> {
  for (const { socket } of peers) socket.destroy();
  peers.clear();
  await eventually('no socket is left', () => openSockets() <= LEFT_BY_OTHERS);
}

/** What earlier test files have left open in this process is nothing of this one's. */
const LEFT_BY_OTHERS = openSockets();

/** Sockets and listeners of this process that are not closed, those that do not keep it alive excepted. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /^TCP/.test(name)).length;
}
