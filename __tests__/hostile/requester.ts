import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Context } from '../../lib/engine/context';
import { ProfiledError } from '../../lib/errors';
import { type CallLimits, type CallOptions, callInstance, resolveLimits } from '../../lib/runtime/call';
import type { TcpOptions } from '../../lib/transports/tcp/options';
import { tcpRequestPlane, tcpResponsePlane } from '../../lib/transports/tcp/planes';
import { decodeConnectionInfo } from '../../lib/wire/connection-info';
import { decodeControlMessage } from '../../lib/wire/control-message';
import { RequestFrameDecoder } from '../../lib/wire/request-frame';
import {
  encodeControl,
  encodeHandshake,
  encodePrologue,
  encodeWrapper,
  FINAL_WRAPPER,
  wrapItem,
} from '../../lib/wire/response-frames';
import { decodeTwoPart } from '../../lib/wire/two-part';
import { eventually } from '../support/eventually';
import { dial, rest } from './peers';

export const ACCEPTED = Buffer.alloc(4);
export const READY = encodePrologue(null);
export const ITEM = encodeWrapper(wrapItem('{"data":"x"}'));
export const FINAL = encodeWrapper(FINAL_WRAPPER);
export const SENTINEL = encodeControl('sentinel');
/** A response as it should be, from the prologue on. */
export const WHOLE = Buffer.concat([READY, ITEM, FINAL, SENTINEL]);

/** What a worker of plain sockets does with one request. */
export type Script = (request: { readonly socket: Socket; call(): Promise<Socket> }) => unknown;

/** Acknowledges, calls, says `bytes`, and leaves the rest to `then`. */
export function saying(bytes: Uint8Array, then: (socket: Socket) => unknown = () => {}): Script {
  return async ({ socket, call }) => {
    socket.write(ACCEPTED);
    const home = await call();
    home.write(bytes);
    then(home);
  };
}

/** A requester of this package, and a worker of plain sockets that does to it what the test says. */
export class Requester implements AsyncDisposable {
  /** Connections that the worker has opened to the requester. */
  readonly calls: Socket[] = [];
  /** What the requester said on each, once it is closed. */
  readonly heard: Promise<Buffer>[] = [];
  script: Script = saying(WHOLE);
  readonly #limits: CallLimits;
  readonly #request;
  readonly #response;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));

  private constructor({ limits, ...options }: TcpOptions & { readonly limits?: Partial<CallLimits> }) {
    this.#request = tcpRequestPlane({ host: '127.0.0.1', ...options });
    this.#response = tcpResponsePlane({ host: '127.0.0.1', ...options });
    this.#limits = resolveLimits(limits ?? {});
  }

  static async open(options: TcpOptions & { readonly limits?: Partial<CallLimits> } = {}): Promise<Requester> {
    const requester = new Requester(options);
    requester.#server.listen(0, '127.0.0.1');
    await once(requester.#server, 'listening');
    return requester;
  }

  /** Calls the worker; the items as text, or the code of the error. Never rejects with anything but an error of this package. */
  async outcome(options: CallOptions = {}): Promise<string[] | string> {
    const { port } = this.#server.address() as { port: number };
    const transport = { kind: 'tcp', address: `127.0.0.1:${port}/1f/n/c/e` } as const;
    const planes = { request: this.#request, response: this.#response };
    const context = new Context(undefined);
    try {
      const items: string[] = [];
      const stream = await callInstance<unknown>(planes, this.#limits, { transport }, 'x', { context, ...options });
      for await (const item of stream) {
        items.push(item.isError ? `error: ${String(item.errorMessage)}` : JSON.stringify(item.data));
      }
      return items;
    } catch (error) {
      if (ProfiledError.is(error)) return error.code;
      throw error;
    }
  }

  /** Where the requester takes responses. */
  async home(): Promise<string> {
    const pending = await this.#response.server.expect('id');
    pending.cancel(new Error('it was only asked for its address'));
    return decodeConnectionInfo(pending.connectionInfo, 'id').address;
  }

  /** Ends the connections of the request plane, whose acknowledgements may be in disorder. */
  async hangUp(): Promise<void> {
    for (const socket of this.#sockets) socket.end();
    await eventually('the requester has left', () => this.#sockets.size === 0);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket)));
    socket.once('end', () => socket.end());
    const decoder = new RequestFrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        const control = decodeControlMessage(decodeTwoPart(frame.payload).header);
        void this.script({ socket, call: () => this.#call(decodeConnectionInfo(control.connectionInfo, control.id)) });
      }
    });
  }

  async #call({ address, subject }: { address: string; subject: string }): Promise<Socket> {
    const socket = await dial(address);
    this.calls.push(socket);
    this.heard.push(rest(socket));
    socket.write(encodeHandshake({ subject, streamType: 'response' }));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { server, client } = this.#request;
    await Promise.all([server.close(), client.close(), this.#response.server.close(), this.#response.client.close()]);
    for (const socket of [...this.#sockets, ...this.calls]) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** A subject that nobody waits for. */
export const strangersHandshake = () => encodeHandshake({ subject: randomUUID(), streamType: 'response' });
