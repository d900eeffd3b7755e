import { Context } from '../engine/context';
import { itemsOf } from '../engine/items';
import { shapeOf } from '../engine/shape';
import type { ErrorType } from '../errors';
import { deferred } from '../internal/deferred';
import type { Profile } from '../profile/profile';
import type { ResponseClient, ResponseSender, WorkerEvent } from '../transports/transport';
import type { RequestControlMessage } from '../wire/control-message';
import { openEnvelope } from './envelope';
import type { PlaneProfile } from './plane-profile';
import { Reply } from './reply';
import { closeIterator, ResponsePump } from './response-pump';
import { RunState, type Stop } from './run-state';

/** Opens the way back to a requester: `dial` of a response plane. */
export type Dial = ResponseClient['dial'];

/** What a run needs to know of its handler. */
export interface RunnableHandler {
  /** The request's data, checked. @throws whatever makes it unusable */
  read(body: Uint8Array, control: RequestControlMessage): Promise<unknown>;
  /** Calls the handler. @throws what the handler throws */
  call(context: Context<unknown>): unknown;
}

/**
 * One request through one handler: from the payload's bytes to the last frame of its response, measured by `profile`, which is
 * settled exactly once on every path, as soon as the last byte is handed on, and by `plane`, which sees it to the end of the
 * connection. At most one error is counted.
 */
export class PayloadRun {
  readonly #handler: RunnableHandler;
  readonly #profile: Profile;
  readonly #plane: PlaneProfile;
  readonly #state: RunState;
  readonly #killed = deferred();
  #context: Context<unknown> | undefined;
  #iterator: AsyncIterator<unknown> | undefined;
  #reply: Reply | undefined;

  constructor(handler: RunnableHandler, profile: Profile, plane: PlaneProfile) {
    this.#handler = handler;
    this.#profile = profile;
    this.#plane = plane;
    this.#state = new RunState(profile);
  }

  /** How long the handler was at it, in seconds; 0 before the end. */
  get seconds(): number {
    return this.#profile.seconds;
  }

  /** What the request failed of; undefined if it did not. */
  get failure(): string | undefined {
    return this.#profile.failure;
  }

  /** Runs to the end, the requester's FIN included. Call once. Never rejects. */
  async execute(payload: Uint8Array, dial: Dial): Promise<void> {
    this.#plane.begin();
    this.#profile.requestBytes(payload.length);
    const served = this.#serve(payload, dial).catch((error: unknown) => this.#crash(error));
    await Promise.race([served, this.#killed.promise]);
    this.#state.isOver = true;
    this.#profile.settle();
    if (this.#state.isBroken) this.#reply?.destroy();
    else await this.#reply?.end(this.#state.ending);
    this.#plane.end();
  }

  /**
   * Cuts the stream short in order: the handler sees `isStopped`, the item that it is working on still goes out, and its
   * iterator is closed. A stop by the drain has no final marker unless the handler came to its own end, so that the requester
   * can tell a cut stream from a whole one.
   */
  stop(by: Stop = 'drain'): void {
    if (this.#state.isOver || this.#state.isComplete || this.#state.stop) return;
    this.#state.stop = by;
    this.#profile.cancel();
    this.#context?.stopGenerating();
  }

  /** Drops the request where it stands. A handler that does not react is not waited for. */
  kill(): void {
    this.#state.isBroken = true;
    if (this.#state.isOver) return this.#reply?.destroy();
    this.#state.isOver = true;
    this.#profile.cancel();
    this.#context?.kill();
    closeIterator(this.#iterator);
    this.#killed.resolve();
  }

  #hear(event: WorkerEvent): void {
    if (this.#state.isOver) return;
    if (event === 'stop') this.stop('consumer');
    else this.kill();
  }

  async #serve(payload: Uint8Array, dial: Dial): Promise<void> {
    const envelope = openEnvelope(payload);
    if (envelope.fault) this.#profile.fail(envelope.fault.type, envelope.fault.error);
    if (!envelope.control) return;
    this.#plane.sentAt(envelope.control.frontendSendTsNs);
    const reply = (this.#reply = await this.#dial(envelope.control, dial));
    if (!reply) return;
    if (envelope.fault) return this.#refuse(reply, envelope.fault.type, envelope.fault.error);
    let type: ErrorType = 'deserialization';
    try {
      const data = await this.#handler.read(envelope.body, envelope.control);
      type = 'generate';
      this.#iterator = await this.#begin(data, envelope.control);
      if (this.#state.isOver) return closeIterator(this.#iterator);
    } catch (error) {
      return this.#refuse(reply, type, error);
    }
    if (!(await this.#state.sent('response_stream', reply.begin()))) return closeIterator(this.#iterator);
    if (!this.#state.stop) this.#plane.answered();
    await new ResponsePump(this.#state, reply, this.#iterator).run();
  }

  /** The way back; undefined, and counted, if there is none. */
  async #dial({ id, connectionInfo }: RequestControlMessage, dial: Dial): Promise<Reply | undefined> {
    let sender: ResponseSender;
    try {
      sender = await dial(connectionInfo, id, { onEvent: (event) => this.#hear(event) });
    } catch (error) {
      this.#profile.fail('response_stream', error);
      return undefined;
    }
    if (!this.#state.isOver) return new Reply(sender, this.#profile);
    sender.destroy();
    return undefined;
  }

  async #begin(data: unknown, { id, metadata }: RequestControlMessage): Promise<AsyncIterator<unknown>> {
    const context = (this.#context = new Context(data, { id, metadata }));
    // A request that was stopped before it began has no items; its handler need not know.
    if (this.#state.isOver || this.#state.stop) return itemsOf(undefined)[Symbol.asyncIterator]();
    const result = await this.#handler.call(context);
    if (shapeOf(result) !== 'value') this.#profile.beginStream();
    return itemsOf(result)[Symbol.asyncIterator]();
  }

  /** Something that a handler gave broke the rules of iterators in a way that no step above looks for. */
  #crash(error: unknown): void {
    this.#profile.fail('generate', error);
    this.#state.isBroken = true;
    closeIterator(this.#iterator);
  }

  async #refuse(reply: Reply, type: ErrorType, error: unknown): Promise<void> {
    if (this.#state.isOver) return;
    this.#profile.fail(type, error);
    this.#state.isOver = true;
    await reply.refuse(error, { requestIsAtFault: type !== 'generate' });
  }
}
