import { Annotated } from '../engine/annotated';
import { messageOf } from '../errors';
import type { Profile } from '../profile/profile';
import type { ResponseSender } from '../transports/transport';
import { encodeItem } from '../wire/item-frame';
import { encodeControl, encodePrologue, encodeWrapper, FINAL_WRAPPER, stringifyItem } from '../wire/response-frames';
import { PREFIX_BYTES } from '../wire/two-part';

const READY = encodePrologue(null);
const FINAL = encodeWrapper(FINAL_WRAPPER);
const SENTINEL = encodeControl('sentinel');

/**
 * The frames of one response, in the order of the protocol: a prologue, items, the final marker, the sentinel. Bytes are
 * counted before they are sent, wrappers only: neither the prefix of a frame nor prologue and sentinel belong to the response.
 */
export class Reply {
  #hasSentinel = false;

  constructor(
    private readonly sender: ResponseSender,
    private readonly profile: Profile,
  ) {}

  /** Says that a stream follows. @throws PROFILED_DISCONNECTED */
  async begin(): Promise<void> {
    await this.sender.send(READY);
  }

  /**
   * Says that the request failed and that nothing follows. Clients of Dynamo take an error prologue for a failure of the worker
   * and avoid it for seconds; since 1.5 they leave it in service when told that the request itself is at fault.
   * A requester who has left is not told; never rejects.
   */
  async refuse(error: unknown, { requestIsAtFault }: { readonly requestIsAtFault: boolean }): Promise<void> {
    const errorType = requestIsAtFault ? 'InvalidArgument' : undefined;
    await ignoreFailure(this.sender.send(encodePrologue(messageOf(error), errorType)));
  }

  /** The frame of one item. @throws PROFILED_MESSAGE_INVALID if the item has no JSON form */
  encode(item: unknown): Buffer {
    if (Annotated.is(item)) return encodeItem(jsonOfText(item) ?? stringifyItem(item) ?? '{}');
    const json = stringifyItem(item);
    // An item that JSON leaves out (undefined, a function) is an Annotated without data.
    return encodeItem(json === undefined ? '{}' : `{"data":${json}}`);
  }

  /** Sends an item of the handler. Undefined when there was room, otherwise the handler has to wait. */
  item(frame: Buffer): Promise<void> | undefined {
    this.profile.item(frame.length - PREFIX_BYTES);
    return this.sender.send(frame);
  }

  /** Tells of a failure midway; it is counted in bytes, but is no item of the handler's. @throws PROFILED_DISCONNECTED */
  async errorItem(error: unknown): Promise<void> {
    const frame = this.encode(Annotated.fromError(error));
    this.profile.responseBytes(frame.length - PREFIX_BYTES);
    await this.sender.send(frame);
  }

  /**
   * Says that the stream is complete. Undefined when all of it has been handed on, otherwise a promise of that time, which may reject with
   * PROFILED_DISCONNECTED. The sentinel goes with it: on its own it would be one more write.
   */
  final({ sentinel }: { readonly sentinel: boolean }): Promise<void> | undefined {
    this.profile.responseBytes(FINAL.length - PREFIX_BYTES);
    const waiting = this.sender.send(FINAL);
    return waiting ? waiting.then(() => this.#finish(sentinel)) : this.#finish(sentinel);
  }

  /** Ends the connection, also when there was no final marker, and waits until the requester has closed its side. Never rejects. */
  async end({ sentinel }: { readonly sentinel: boolean }): Promise<void> {
    if (sentinel && !this.#hasSentinel) await ignoreFailure(this.#sentinel());
    await this.sender.end();
  }

  /** Drops what was not sent. */
  destroy(): void {
    this.sender.destroy();
  }

  #finish(sentinel: boolean): Promise<void> | undefined {
    const waiting = sentinel ? this.#sentinel() : undefined;
    return waiting ? waiting.then(() => this.sender.flush()) : this.sender.flush();
  }

  #sentinel(): Promise<void> | undefined {
    this.#hasSentinel = true;
    return this.sender.send(SENTINEL);
  }
}

/** The JSON of an item that is text and nothing else, the commonest kind, in half the time; undefined for all others. */
function jsonOfText(item: Annotated<unknown>): string | undefined {
  if (Object.getPrototypeOf(item) !== Annotated.prototype) return undefined;
  for (const field in item) if (field !== 'data' && item[field as keyof typeof item] !== undefined) return undefined;
  return typeof item.data === 'string' ? `{"data":${JSON.stringify(item.data)}}` : undefined;
}

async function ignoreFailure(sent: Promise<void> | undefined): Promise<void> {
  try {
    await sent;
  } catch {
    // Whoever does not hear this has left.
  }
}
