import type { Instance } from '../discovery/discovery';
import type { Annotated } from '../engine/annotated';
import { Context } from '../engine/context';
import { ResponseStream } from '../engine/response-stream';
import { ProfiledError } from '../errors';
import { MAX_TIMER_MS, unixNanos } from '../internal/clock';
import type { PendingResponse, ResponseReceiver } from '../transports/transport';
import { refusalReason } from '../wire/ack';
import { encodeControlMessage } from '../wire/control-message';
import { FIN_TIMEOUT_MS } from '../wire/limits';
import { decodePrologue, stringifyItem } from '../wire/response-frames';
import { SEND_TIME_HEADER } from '../wire/send-time';
import { decodeTwoPart, encodeTwoPart } from '../wire/two-part';
import { CallGuard } from './call-guard';
import type { Planes } from './planes';
import { RemoteItems } from './remote-items';
import { RemoteResponse } from './remote-response';

/** How long each stage of a call may take, in milliseconds. */
export interface CallLimits {
  /** Until the worker has acknowledged the request. @default 5000 */
  readonly ackTimeoutMs: number;
  /** From the acknowledgement until the worker has opened the response connection. @default 10000 */
  readonly handshakeTimeoutMs: number;
  /**
   * From then on until its handler has returned a stream. None by default: a handler that computes its whole answer first is as
   * slow as that is, and a worker that dies is noticed by its connection. @default undefined, no limit
   */
  readonly firstFrameTimeoutMs: number | undefined;
}

/** Settings of one call. */
export interface CallOptions {
  /**
   * Identity, metadata and controls of the request: stopping or killing it stops or kills the remote handler, and either one
   * ends a call whose stream has not begun. A handler that calls another one passes its own on. @default a new one
   */
  readonly context?: Context<unknown>;
  /** Kills the request; reading its stream then throws PROFILED_CANCELLED. */
  readonly signal?: AbortSignal;
  /** Text pairs for the remote handler's context. @default those of `context` */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** @throws PROFILED_CONFIG_INVALID for a limit that {@link checkTimeLimit} refuses */
export function resolveLimits(options: Partial<CallLimits>): CallLimits {
  const { ackTimeoutMs = 5_000, handshakeTimeoutMs = 10_000, firstFrameTimeoutMs } = options;
  const limits = { ackTimeoutMs, handshakeTimeoutMs, firstFrameTimeoutMs };
  for (const [name, value] of Object.entries(limits)) if (value !== undefined) checkTimeLimit(name, value);
  return limits;
}

/** @throws PROFILED_CONFIG_INVALID unless a timer can hold `ms`; one that can not would fire at once */
export function checkTimeLimit(name: string, ms: number): void {
  if (Number.isFinite(ms) && ms > 0 && ms <= MAX_TIMER_MS) return;
  throw new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    `\`${name}\` must be a number of milliseconds above 0, at most ${MAX_TIMER_MS} (24 days), got ${String(ms)}`,
  );
}

/** Sends `request` to `instance`; `onBroken` hears of a stream that breaks off. Resolves when its stream has begun; what can go wrong until then is listed at `Client`. */
export async function callInstance<U>(
  planes: Pick<Planes, 'request' | 'response'>,
  limits: CallLimits,
  { transport: { address } }: Pick<Instance, 'transport'>,
  request: unknown,
  { context = new Context(undefined), signal, metadata = context.metadata }: CallOptions,
  onBroken: () => void = () => {},
): Promise<ResponseStream<Annotated<U>>> {
  const guard = new CallGuard(context, signal);
  try {
    guard.signal.throwIfAborted();
    const body = stringifyItem(request) ?? 'null';
    const pending = await planes.response.server.expect(context.id);
    const payload = payloadOf(context.id, metadata, body, pending);
    const send = () => {
      const headers = { 'request-id': context.id, [SEND_TIME_HEADER]: String(unixNanos()) };
      return planes.request.client.send(address, payload, headers, { signal: guard.signal });
    };
    const receiver = await connect(send, pending, guard, limits);
    await begin(receiver, guard, limits);
    // From here on a stop is passed on, not taken for a cancellation of the call.
    const response = new RemoteResponse<U>(receiver, context, signal, onBroken);
    return ResponseStream.from(new RemoteItems(response), context);
  } finally {
    guard.release();
  }
}

type Metadata = Readonly<Record<string, string>>;

function payloadOf(id: string, metadata: Metadata, body: string, { connectionInfo }: PendingResponse): Uint8Array {
  return encodeTwoPart(
    encodeControlMessage({ id, requestType: 'single_in', responseType: 'many_out', connectionInfo, metadata }),
    body,
  );
}

/** Sends the request and waits until the worker has dialled. */
async function connect(
  send: () => Promise<Uint8Array>,
  pending: PendingResponse,
  guard: CallGuard,
  limits: CallLimits,
): Promise<ResponseReceiver> {
  guard.onAbort((reason) => pending.cancel(reason));
  try {
    const reason = refusalReason(await guard.stage('acknowledgement', limits.ackTimeoutMs, send));
    if (reason !== undefined)
      throw new ProfiledError('PROFILED_REQUEST_REJECTED', `the worker refused the request: ${reason}`);
    return await guard.stage('response connection', limits.handshakeTimeoutMs, () => pending.connected);
  } catch (error) {
    pending.cancel(error);
    // A worker that had dialled already has to be told.
    void pending.connected.then(kill, () => {});
    throw error;
  }
}

/** Waits for the prologue. @throws PROFILED_REMOTE_ERROR if it tells of a failure, PROFILED_MESSAGE_INVALID if it is none */
async function begin(receiver: ResponseReceiver, guard: CallGuard, limits: CallLimits): Promise<void> {
  guard.onAbort(() => kill(receiver));
  const frame = await guard.stage('first frame', limits.firstFrameTimeoutMs, () => receiver.receive());
  guard.signal.throwIfAborted();
  if (!frame) {
    receiver.close();
    throw new ProfiledError('PROFILED_DISCONNECTED', 'the worker ended the connection before its stream began');
  }
  let failure: string | null;
  try {
    failure = decodePrologue(decodeTwoPart(frame));
  } catch (error) {
    kill(receiver);
    throw error;
  }
  if (failure === null) return;
  void closeInOrder(receiver);
  throw new ProfiledError('PROFILED_REMOTE_ERROR', failure);
}

/** Ends the connection after the worker's last frame: before it, a worker takes the end for a cancellation. */
async function closeInOrder(receiver: ResponseReceiver): Promise<void> {
  const timer = setTimeout(() => receiver.close(), FIN_TIMEOUT_MS).unref();
  await receiver.receive().catch(() => undefined);
  clearTimeout(timer);
  receiver.close();
}

function kill(receiver: ResponseReceiver): void {
  receiver.control('kill');
  receiver.close();
}
