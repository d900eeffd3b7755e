import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { encodeConnectionInfo } from '../../lib/wire/connection-info';
import { type ConnectionInfo, encodeControlMessage } from '../../lib/wire/control-message';
import { encodeRequestHead } from '../../lib/wire/request-frame';
import { encodeTwoPart, TwoPartDecoder, type TwoPartMessage } from '../../lib/wire/two-part';
import { eventually } from '../support/eventually';

/** What a payload is made of; each part may be something else than it should be. */
export interface PayloadParts {
  readonly control?: (fields: Record<string, unknown>) => unknown;
  readonly info?: (info: ConnectionInfo) => ConnectionInfo;
  readonly body?: string | Uint8Array;
}

/** A payload as a requester at `address` sends it, apart from what `parts` says. Its id is also its subject. */
export function payloadFor(address: string, id: string, parts: PayloadParts = {}): Buffer {
  const { control = (fields) => fields, info = (same) => same, body = '"hi"' } = parts;
  const connectionInfo = info(encodeConnectionInfo({ address, subject: id, context: id, streamType: 'response' }));
  const message = encodeControlMessage({ id, requestType: 'single_in', responseType: 'many_out', connectionInfo });
  return encodeTwoPart(JSON.stringify(control(JSON.parse(message) as Record<string, unknown>)), body);
}

/** A whole request frame. */
export function requestFrame(path: string, payload: Uint8Array): Buffer {
  return Buffer.concat([encodeRequestHead(path, {}, payload.length), payload]);
}

/** A connection to `ip:port`, whatever follows that, with its errors heard. It goes on after the other side has ended. */
export async function dial(address: string): Promise<Socket> {
  const [, host, port] = /^(.*?):(\d+)(?:\/|$)/.exec(address)!;
  const socket = connect({ host: host!, port: Number(port), allowHalfOpen: true, noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Everything that the other side still says until it ends or resets the connection, which is destroyed then. */
export function rest(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.once('end', () => socket.destroy());
  return new Promise((resolve) => {
    const done = () => resolve(Buffer.concat(chunks));
    if (socket.destroyed) done();
    else socket.once('close', done);
  });
}

/** The texts of the acknowledgements in `bytes`. */
export function acksIn(bytes: Buffer): string[] {
  const acks: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    acks.push(bytes.toString('utf8', at + 4, end));
    at = end;
  }
  return acks;
}

/** One response connection, as its requester's end sees it. */
export class Call {
  /** What was said after the handshake, each frame as `header|body`. */
  readonly frames: string[] = [];
  /** The bytes of all bodies: what a worker counts as its response. */
  bodyBytes = 0;
  subject = '';
  hasEnded = false;
  isClosed = false;
  readonly #decoder = new TwoPartDecoder();

  constructor(
    readonly socket: Socket,
    onFrame: (call: Call, frame: string) => void,
    onClose: (call: Call) => void,
  ) {
    socket.on('error', () => {});
    socket.on('end', () => {
      this.hasEnded = true;
      socket.end();
    });
    socket.on('close', () => {
      this.isClosed = true;
      onClose(this);
    });
    socket.on('data', (chunk: Buffer) => {
      this.#decoder.push(chunk);
      for (let frame = this.#decoder.next(); frame && !socket.destroyed; frame = this.#decoder.next()) {
        this.#take(frame, onFrame);
      }
    });
  }

  /** Whether the worker ended its stream as protocol has it when nobody cancelled it. */
  get hasSentinel(): boolean {
    return this.frames.at(-1) === '"sentinel"|';
  }

  #take({ header, body }: TwoPartMessage, onFrame: (call: Call, frame: string) => void): void {
    const text = `${Buffer.from(header).toString()}|${Buffer.from(body).toString()}`;
    if (this.subject === '') {
      this.subject = (JSON.parse(text.slice(0, -1)) as { subject: string }).subject;
      return onFrame(this, 'handshake');
    }
    this.frames.push(text);
    this.bodyBytes += body.length;
    if (this.hasSentinel) this.socket.end();
    onFrame(this, text);
  }
}

/** Settings of a {@link Home}. */
export interface HomeOptions {
  /** Hears each frame, the handshake as `handshake`. */
  readonly onFrame?: (call: Call, frame: string) => void;
  /** Sees each connection first; true = nobody else does. */
  readonly onSocket?: (socket: Socket) => boolean;
  readonly onClose?: (call: Call) => void;
}

/** A requester's listener made of plain sockets: reads all that its workers say, and ends each connection after the sentinel. */
export class Home implements AsyncDisposable {
  readonly calls = new Map<string, Call>();
  /** How many connections came. */
  connections = 0;
  address = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor({ onFrame = () => {}, onSocket = () => false, onClose = () => {} }: HomeOptions) {
    const hear = (call: Call, frame: string) => {
      if (frame === 'handshake') this.calls.set(call.subject, call);
      onFrame(call, frame);
    };
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
      if (!onSocket(socket)) new Call(socket, hear, onClose);
    });
  }

  static async listen(options: HomeOptions = {}): Promise<Home> {
    const home = new Home(options);
    home.#server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 });
    await once(home.#server, 'listening');
    home.address = `127.0.0.1:${(home.#server.address() as { port: number }).port}`;
    return home;
  }

  /** The connection for `id`, once it has come and gone. */
  async over(id: string): Promise<Call> {
    await eventually(`the response to ${id} is over`, () => this.calls.get(id)?.isClosed === true);
    return this.calls.get(id)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Runs `task` for each number below `count`, `width` of them at a time. */
export async function inParallel(count: number, width: number, task: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
