import type { Socket } from 'node:net';
import { Context } from '../../lib/engine/context';
import { type ErrorType, ProfiledError } from '../../lib/errors';
import { type Deferred, deferred } from '../../lib/internal/deferred';
import { type CallOptions, callInstance, resolveLimits } from '../../lib/runtime/call';
import { tcpRequestPlane, tcpResponsePlane } from '../../lib/transports/tcp/planes';
import type { ResponseReceiver } from '../../lib/transports/transport';
import { AckDecoder } from '../../lib/wire/ack-frame';
import { decodeTwoPart } from '../../lib/wire/two-part';
import type { Task } from './chaos-worker';
import { type Call, dial, Home, type PayloadParts, payloadFor, requestFrame, rest } from './peers';

/** However slow the machine is: no caller's time limit is what these requests end by. */
const PATIENT = resolveLimits({ ackTimeoutMs: 100_000, handshakeTimeoutMs: 100_000 });

/** `whole`: the driver reads every response to its end. `cut`: it does not. */
export type EndpointName = 'whole' | 'cut';

/** What the driver knows of one endpoint: what the worker's metrics have to say. */
export class Tally {
  /** Requests that the worker has taken: by its acknowledgement, or by its call where nobody waited for that. */
  requests = 0;
  requestBytes = 0;
  /** The wrappers that the driver has read. */
  responseBytes = 0;
  cancellations = 0;
  /** Requests whose requester left while their end may have been on its way: each was cancelled, or it succeeded. */
  maybeCancelled = 0;
  /** Requests whose requester reset the connection as it came: each was cancelled, or is a `response_stream` error. */
  cancelledOrUnreached = 0;
  /** Requests that were refused by their acknowledgement. */
  refused = 0;
  readonly errors: Partial<Record<ErrorType, number>> = {};

  fail(type: ErrorType): void {
    this.errors[type] = (this.errors[type] ?? 0) + 1;
  }
}

/** A connection of the request plane on which requests are pipelined. */
class Line {
  readonly #waiting: Deferred<string>[] = [];
  readonly #decoder = new AckDecoder();

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#decoder.push(chunk);
      for (let ack = this.#decoder.next(); ack; ack = this.#decoder.next()) {
        this.#waiting.shift()!.resolve(ack.toString());
      }
    });
  }

  /** The text of the acknowledgement. */
  send(frame: Uint8Array): Promise<string> {
    const ack = deferred<string>();
    this.#waiting.push(ack);
    this.socket.write(frame);
    return ack.promise;
  }
}

/** One request, and what the driver does while the response comes. */
export interface Sending extends PayloadParts {
  readonly task: Task;
  /** Hears each frame, the handshake first. */
  readonly onFrame?: (call: Call, frame: string) => void;
  /** Where the worker is told to call. @default the driver's own listener */
  readonly home?: string;
}

/** Sends requests of all kinds to one worker, and counts what its metrics must have come to. */
export class Driver implements AsyncDisposable {
  /** What the worker's socket has refused by itself, by reason. */
  readonly refusals: Record<string, number> = { incomplete: 0, invalid: 0, overloaded: 0, unknown_endpoint: 0 };
  readonly tallies: Readonly<Record<EndpointName, Tally>> = { whole: new Tally(), cut: new Tally() };
  readonly #addresses: Readonly<Record<string, string>>;
  readonly #request = tcpRequestPlane({ host: '127.0.0.1' });
  readonly #response = tcpResponsePlane({ host: '127.0.0.1' });
  /** What becomes of the frames, and of the end, of each response that is awaited. */
  readonly #awaited = new Map<string, { onFrame?: Sending['onFrame']; onClose: (call: Call) => void }>();
  readonly #lines: Line[] = [];
  #home!: Home;
  #slammer!: Home;
  #count = 0;

  private constructor(addresses: Readonly<Record<string, string>>) {
    this.#addresses = addresses;
  }

  static async open(addresses: Readonly<Record<string, string>>, lines: number): Promise<Driver> {
    const driver = new Driver(addresses);
    driver.#home = await Home.listen({
      onFrame: (call, frame) => driver.#awaited.get(call.subject)?.onFrame?.(call, frame),
      onClose: (call) => {
        driver.#awaited.get(call.subject)?.onClose(call);
        driver.#awaited.delete(call.subject);
        driver.#home.calls.delete(call.subject);
      },
    });
    driver.#slammer = await Home.listen({ onSocket: (socket) => !!socket.resetAndDestroy() });
    for (let i = 0; i < lines; i++) driver.#lines.push(new Line(await dial(addresses.whole!)));
    return driver;
  }

  /** A listener that resets each connection as it comes. */
  get slammer(): string {
    return this.#slammer.address;
  }

  /** A request that is answered by a call, which is given at its end; undefined if the worker is at capacity. */
  async ask(name: EndpointName, sending: Sending): Promise<Call | undefined> {
    const id = this.#id();
    const over = deferred<Call>();
    this.#awaited.set(id, { onFrame: sending.onFrame, onClose: over.resolve });
    if (!(await this.send(name, this.#payload(id, sending)))) {
      this.#awaited.delete(id);
      return undefined;
    }
    const call = await over.promise;
    this.tallies[name].responseBytes += call.bodyBytes;
    return call;
  }

  /** A request that nobody calls for. Whether it was taken. */
  tell(name: EndpointName, sending: Sending): Promise<boolean> {
    return this.send(name, this.#payload(this.#id(), sending));
  }

  /** Sends a payload as it is. Whether it was taken. */
  async send(name: EndpointName, payload: Uint8Array): Promise<boolean> {
    const tally = this.tallies[name];
    const line = this.#lines[this.#count % this.#lines.length]!;
    const ack = await line.send(requestFrame(this.#path(name), payload));
    if (ack === '') {
      tally.requests += 1;
      tally.requestBytes += payload.length;
    } else if (ack === 'Server overloaded: worker at capacity') tally.refused += 1;
    else throw new Error(`an acknowledgement says ${ack}`);
    return ack === '';
  }

  /** A request on a connection that is reset at once: only if it arrived in time, there is a call. */
  async askAndReset(name: EndpointName, task: Task): Promise<void> {
    const id = this.#id();
    const payload = this.#payload(id, { task });
    const tally = this.tallies[name];
    const onClose = ({ bodyBytes }: Call) => {
      tally.requests += 1;
      tally.requestBytes += payload.length;
      tally.responseBytes += bodyBytes;
    };
    this.#awaited.set(id, { onClose });
    const socket = await dial(this.#addresses[name]!);
    await new Promise((resolve) => socket.write(requestFrame(this.#path(name), payload), resolve));
    socket.resetAndDestroy();
  }

  /** Bytes on a connection of their own; all that is said to them. */
  async raw(bytes: Uint8Array): Promise<Buffer> {
    const socket = await dial(this.#addresses.whole!);
    socket.end(bytes);
    return rest(socket);
  }

  /** A call by the package's own client; undefined if the worker is at capacity. */
  async call(name: EndpointName, task: Task, options: CallOptions) {
    const transport = { kind: 'tcp', address: this.#addresses[name]! } as const;
    const planes = this.#counted(this.tallies[name]);
    try {
      return await callInstance<unknown>(planes, PATIENT, { transport }, task, options);
    } catch (error) {
      if (ProfiledError.is(error) && error.code === 'PROFILED_REQUEST_REJECTED') return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#lines) socket.destroy();
    const { server, client } = this.#request;
    await Promise.all([server.close(), client.close(), this.#response.server.close(), this.#response.client.close()]);
    await this.#home[Symbol.asyncDispose]();
    await this.#slammer[Symbol.asyncDispose]();
  }

  #id(): string {
    return `request-${(this.#count += 1)}`;
  }

  #payload(id: string, { task, home = this.#home.address, body = JSON.stringify(task), ...parts }: Sending): Buffer {
    return payloadFor(home, id, { ...parts, body });
  }

  #path(name: EndpointName): string {
    return this.#addresses[name]!.replace(/^[^/]*\//, '');
  }

  /** The client's planes, with all that passes through them counted. */
  #counted(tally: Tally) {
    const { client } = this.#request;
    const { server } = this.#response;
    const send: typeof client.send = async (address, payload, ...more) => {
      const ack = await client.send(address, payload, ...more);
      if (ack.length > 0) tally.refused += 1;
      else {
        tally.requests += 1;
        tally.requestBytes += payload.length;
      }
      return ack;
    };
    const expect: typeof server.expect = async (id) => {
      const pending = await server.expect(id);
      return { ...pending, connected: pending.connected.then((receiver) => counted(receiver, tally)) };
    };
    return {
      request: { ...this.#request, client: { send, close: () => client.close() } },
      response: { ...this.#response, server: { expect, close: () => server.close() } },
    };
  }
}

function counted(receiver: ResponseReceiver, tally: Tally): ResponseReceiver {
  return {
    control: (signal) => receiver.control(signal),
    close: () => receiver.close(),
    receive: async () => {
      const frame = await receiver.receive();
      if (frame) tally.responseBytes += decodeTwoPart(frame).body.length;
      return frame;
    },
  };
}

/** A context of its own for one call. */
export function newContext(): Context<unknown> {
  return new Context(undefined);
}
