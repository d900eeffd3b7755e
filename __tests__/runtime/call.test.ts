import { Context } from '../../lib/engine/context';
import { deferred } from '../../lib/internal/deferred';
import { callInstance, type CallLimits, resolveLimits } from '../../lib/runtime/call';
import { memoryRequestPlane, memoryResponsePlane } from '../../lib/transports/memory/planes';
import type { ResponseSender, WorkerEvent } from '../../lib/transports/transport';
import { decodeControlMessage } from '../../lib/wire/control-message';
import { encodeControl, encodePrologue, encodeWrapper, FINAL_WRAPPER, wrapItem } from '../../lib/wire/response-frames';
import { decodeTwoPart, encodeTwoPart } from '../../lib/wire/two-part';
import { eventually } from '../support/eventually';

const item = (data: unknown) => encodeWrapper(wrapItem(JSON.stringify({ data })));
const FINAL = encodeWrapper(FINAL_WRAPPER);
const SENTINEL = encodeControl('sentinel');
const READY = encodePrologue(null);
const CUT = 'Stream ended before generation completed';

/** A worker whose every frame the test writes. */
class ScriptedWorker implements AsyncDisposable {
  readonly planes = { request: memoryRequestPlane(), response: memoryResponsePlane() };
  readonly events: WorkerEvent[] = [];
  readonly payloads: string[] = [];
  sender: ResponseSender | undefined;

  constructor(private readonly script: (sender: ResponseSender, worker: ScriptedWorker) => unknown) {}

  /** Calls it with `ack` as the answer to the request; undefined = it never answers, `dials: false` = it never dials. */
  async call(
    options: {
      ack?: Promise<Uint8Array>;
      dials?: boolean;
      limits?: Partial<CallLimits>;
      context?: Context<unknown>;
    } = {},
  ) {
    const { ack, dials = true, limits = {}, context } = options;
    const target = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 1n };
    const { address } = await this.planes.request.server.serve(target, async (payload) => {
      this.payloads.push(Buffer.from(payload).toString());
      if (dials) void this.#answer(payload);
      return ack ?? new Uint8Array();
    });
    const transport = { kind: 'memory', address } as const;
    return callInstance<number>(this.planes, resolveLimits(limits), { transport }, 'hi', context ? { context } : {});
  }

  async #answer(payload: Uint8Array): Promise<void> {
    const { id, connectionInfo } = decodeControlMessage(decodeTwoPart(payload).header);
    const onEvent = (event: WorkerEvent) => void this.events.push(event);
    this.sender = await this.planes.response.client.dial(connectionInfo, id, { onEvent });
    await this.script(this.sender, this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { request, response } = this.planes;
    await Promise.all([
      request.server.close(),
      request.client.close(),
      response.server.close(),
      response.client.close(),
    ]);
  }
}

const sending =
  (...frames: Uint8Array[]) =>
  async (sender: ResponseSender) => {
    for (const frame of frames) await sender.send(frame);
    await sender.end();
  };

const itemsOf = async (
  stream: AsyncIterable<{ data?: unknown; isError: boolean; errorMessage: string | undefined }>,
) => {
  const items: unknown[] = [];
  for await (const { data, isError, errorMessage } of stream) items.push(isError ? `error: ${errorMessage}` : data);
  return items;
};

describe('the judgement of a requester', () => {
  it.each<[string, Uint8Array[], unknown[]]>([
    ['in order', [READY, item(1), item(2), FINAL, SENTINEL], [1, 2]],
    ['empty', [READY, FINAL, SENTINEL], []],
    ['complete without a sentinel', [READY, item(1), FINAL], [1]],
    ['without a final marker', [READY, item(1), SENTINEL], [1, `error: ${CUT}`]],
    ['cut off', [READY, item(1)], [1, `error: ${CUT}`]],
    ['cut off before the first item', [READY], [`error: ${CUT}`]],
    [
      'with an item after its end',
      [READY, FINAL, item(1), SENTINEL],
      ['error: the worker sent an item after the end of its stream'],
    ],
    [
      'with a wrapper that is empty',
      [READY, encodeWrapper('{"complete_final":false}'), item(1), FINAL],
      ['error: PROFILED_MESSAGE_INVALID: a response item without `data` must be the final one'],
    ],
    [
      'with bytes that are no frame',
      [READY, Buffer.from('rubbish')],
      ['error: PROFILED_MESSAGE_INVALID: a message has a prefix of 24 bytes, got 7 in all'],
    ],
    ['of items that are not wrapped', [READY, encodeWrapper(wrapItem('"bare"')), FINAL, SENTINEL], ['bare']],
    [
      'with an error item of an old worker',
      [READY, encodeWrapper(wrapItem('{"event":"error","comment":["old"],"error":null}')), FINAL, SENTINEL],
      ['error: old'],
    ],
  ])('of a stream %s', async (_, frames, expected) => {
    await using worker = new ScriptedWorker(sending(...frames));
    expect(await itemsOf(await worker.call())).toEqual(expected);
  });

  it.each<[string, Uint8Array[], string, string]>([
    ['an error prologue', [encodePrologue('no luck'), SENTINEL], 'PROFILED_REMOTE_ERROR', 'no luck'],
    ['no prologue', [], 'PROFILED_DISCONNECTED', 'before its stream began'],
    ['an item in place of the prologue', [item(1)], 'PROFILED_MESSAGE_INVALID', 'the prologue must be'],
    [
      'a prologue that is no JSON',
      [encodeTwoPart('{', '')],
      'PROFILED_MESSAGE_INVALID',
      'the prologue is not valid JSON',
    ],
  ])('of %s', async (_, frames, code, text) => {
    await using worker = new ScriptedWorker(sending(...frames));
    const call = worker.call();
    await expect(call).rejects.toMatchObject({ code });
    await expect(call).rejects.toThrow(text);
  });

  it('answers many `next` at once in order, those that find an item and those that wait', async () => {
    const more = deferred();
    await using worker = new ScriptedWorker(async (sender) => {
      for (const frame of [READY, item(1), item(2)]) await sender.send(frame);
      await more.promise;
      await sending(item(3), item(4), FINAL, SENTINEL)(sender);
    });
    const iterator = (await worker.call())[Symbol.asyncIterator]();
    const log: unknown[] = [];
    const pulls = Array.from({ length: 6 }, async () => {
      const { done, value } = await iterator.next();
      log.push(done ? 'done' : value.data);
    });
    await eventually('the first items are here', () => log.length === 2);
    more.resolve();
    await Promise.all(pulls);
    expect(log).toEqual([1, 2, 3, 4, 'done', 'done']);
  });

  it('lets a worker with an error prologue send its sentinel: it was not cancelled', async () => {
    const ended = deferred();
    await using worker = new ScriptedWorker(async (sender) => {
      await sender.send(encodePrologue('no luck'));
      await new Promise((resolve) => setImmediate(resolve));
      void sender.send(SENTINEL);
      await sender.end();
      ended.resolve();
    });
    await expect(worker.call()).rejects.toThrow('no luck');
    await ended.promise;
    expect(worker.events).toEqual([]);
  });

  it('tells a worker that sent nonsense that it is killed', async () => {
    await using worker = new ScriptedWorker(async (sender) => {
      await sender.send(READY);
      await sender.send(encodeTwoPart('"stop"', ''));
    });
    expect(await itemsOf(await worker.call())).toHaveLength(1);
    await eventually('the worker has heard', () => worker.events.length === 2);
    expect(worker.events).toEqual(['kill', 'disconnect']);
  });

  it('tells a worker that began with nonsense the same, and waits for nothing more from it', async () => {
    await using worker = new ScriptedWorker((sender) => sender.send(encodeTwoPart('{', '')));
    await expect(worker.call()).rejects.toMatchObject({ code: 'PROFILED_MESSAGE_INVALID' });
    await eventually('the worker has heard', () => worker.events.length === 2);
    expect(worker.events).toEqual(['kill', 'disconnect']);
  });

  it('takes a cut stream for the end of one that was stopped', async () => {
    const context = new Context(undefined);
    await using worker = new ScriptedWorker(async (sender, self) => {
      await sender.send(READY);
      await sender.send(item(1));
      await eventually('the stop is heard', () => self.events.includes('stop'));
      await sender.end();
    });
    const items: unknown[] = [];
    for await (const received of await worker.call({ context })) {
      items.push(received.isError ? received.errorMessage : received.data);
      context.stopGenerating();
    }
    expect(items).toEqual([1]);
    expect(worker.events).toEqual(['stop']);
  });

  it('answers two requests for an item at a time in turn', async () => {
    await using worker = new ScriptedWorker(sending(READY, item(1), FINAL, SENTINEL));
    const iterator = (await worker.call())[Symbol.asyncIterator]();
    const steps = await Promise.all([iterator.next(), iterator.next(), iterator.next()]);
    expect(steps.map(({ done, value }) => [done, (value as { data?: number } | undefined)?.data])).toEqual([
      [false, 1],
      [true, undefined],
      [true, undefined],
    ]);
  });
});

describe('the time limits of a requester', () => {
  it.each<[string, Partial<CallLimits>, { ack?: Promise<Uint8Array>; dials?: boolean }]>([
    ['acknowledgement', { ackTimeoutMs: 1 }, { ack: new Promise(() => {}), dials: false }],
    ['response connection', { handshakeTimeoutMs: 1 }, { dials: false }],
    ['first frame', { firstFrameTimeoutMs: 1 }, {}],
  ])('hold for the %s', async (stage, limits, options) => {
    await using worker = new ScriptedWorker(() => {});
    const call = worker.call({ ...options, limits });
    await expect(call).rejects.toThrow(`PROFILED_TIMEOUT: no ${stage} from the worker after 1 ms`);
    if (stage === 'first frame') {
      await eventually('the worker has heard', () => worker.events.length === 2);
      expect(worker.events).toEqual(['kill', 'disconnect']);
    }
  });

  it('kill a worker that dialled before it acknowledged', async () => {
    await using worker = new ScriptedWorker((sender) => sender.send(READY));
    await expect(worker.call({ ack: new Promise(() => {}), limits: { ackTimeoutMs: 5 } })).rejects.toMatchObject({
      code: 'PROFILED_TIMEOUT',
    });
    await eventually('the worker has heard', () => worker.events.length === 2);
    expect(worker.events).toEqual(['kill', 'disconnect']);
  });

  it('do not matter to a worker that refuses', async () => {
    await using worker = new ScriptedWorker(() => {});
    const ack = Promise.resolve(Buffer.from('Unknown endpoint: n/c/e'));
    await expect(worker.call({ ack, dials: false })).rejects.toThrow(
      'PROFILED_REQUEST_REJECTED: the worker refused the request: Unknown endpoint: n/c/e',
    );
  });
});
