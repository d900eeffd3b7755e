import { randomUUID } from 'node:crypto';
import { Annotated } from '../../lib/engine/annotated';
import { ProfiledError } from '../../lib/errors';
import { deferred } from '../../lib/internal/deferred';
import { Ingress, type ServableHandler } from '../../lib/ingress/ingress';
import type { Dial } from '../../lib/ingress/payload-handler';
import { getRegistry } from '../../lib/metrics/store';
import { freshRegistry } from '../../lib/testing';
import { memoryResponsePlane } from '../../lib/transports/memory/planes';
import type { ResponseReceiver, ResponseSender } from '../../lib/transports/transport';
import { encodeControlMessage } from '../../lib/wire/control-message';
import { decodeTwoPart, encodeTwoPart } from '../../lib/wire/two-part';
import { readings } from '../support/readings';

const ADDRESS = { namespace: 'n', component: 'c', endpoint: 'e' };
const PROLOGUE = '{"error":null}';
const FINAL = '{"complete_final":true}';
const SENTINEL = '"sentinel"';
const item = (json: string) => `{"data":${json},"complete_final":false}`;

/** A requester that lets the test write every byte of the request and see every frame of the response. */
class Requester {
  readonly id = randomUUID();
  readonly plane = memoryResponsePlane();
  readonly dial: Dial = this.plane.client.dial.bind(this.plane.client);
  readonly frames: string[] = [];
  receiver: ResponseReceiver | undefined;

  /** Runs `payload`, made from a well-formed control message, and reads the response to its end. */
  async run(
    handler: ServableHandler<never>,
    make: (control: Record<string, unknown>) => Uint8Array,
    { dial = this.dial, ...options }: { dial?: Dial; schema?: (value: unknown) => never } = {},
  ): Promise<string[]> {
    const pending = await this.plane.server.expect(this.id);
    const { connectionInfo } = pending;
    const control = encodeControlMessage({
      id: this.id,
      requestType: 'single_in',
      responseType: 'many_out',
      connectionInfo,
    });
    const reading = pending.connected.then(
      (receiver) => this.#read(receiver),
      () => undefined,
    );
    const payload = make(JSON.parse(control) as Record<string, unknown>);
    await Ingress.forEngine(handler, options).addMetrics(ADDRESS).handlePayload(payload, dial);
    pending.cancel(new Error('nothing came'));
    await reading;
    return this.frames;
  }

  async #read(receiver: ResponseReceiver): Promise<void> {
    this.receiver = receiver;
    for (let bytes = await receiver.receive(); bytes; bytes = await receiver.receive()) {
      const { header, body } = decodeTwoPart(bytes);
      this.frames.push(Buffer.concat([header, body]).toString());
      if (this.frames.at(-1) === SENTINEL) break;
    }
    receiver.close();
  }
}

const well = (control: unknown, body = '"hi"') => encodeTwoPart(JSON.stringify(control), body);
const metrics = async () => {
  const { durationSum: _, ...rest } = await readings(getRegistry());
  return rest;
};
const echo = async function* (request: { data: unknown }) {
  yield request.data;
};
const ONE = { requests: 1, ended: 1, inflight: 0, cancellations: 0 };

beforeEach(() => void freshRegistry());

describe('a payload', () => {
  it('becomes a prologue, items, the final marker and the sentinel', async () => {
    let length = 0;
    const frames = await new Requester().run(echo, (control) => {
      const payload = well(control);
      length = payload.length;
      return payload;
    });
    expect(frames).toEqual([PROLOGUE, item('{"data":"hi"}'), FINAL, SENTINEL]);
    const responseBytes = item('{"data":"hi"}').length + FINAL.length;
    expect(await metrics()).toEqual({ ...ONE, requestBytes: length, responseBytes, errors: {} });
  });

  it('gives the same bytes for an item and for an Annotated with it', async () => {
    const handler = async function* () {
      yield 't';
      yield Annotated.fromData('t');
      yield undefined;
      yield null;
    };
    const frames = await new Requester().run(handler, (control) => well(control));
    expect(frames.slice(1, -2)).toEqual([
      item('{"data":"t"}'),
      item('{"data":"t"}'),
      item('{}'),
      item('{"data":null}'),
    ]);
    expect(frames[1]).toHaveLength(44);
  });

  it('counts the length of what arrived, whatever it holds', async () => {
    await new Requester().run(echo, () => Buffer.from('rubbish'));
    expect(await metrics()).toMatchObject({ ...ONE, requestBytes: 7, responseBytes: 0 });
  });

  /** What is said of a request that is itself at fault: else clients of Dynamo would leave the worker out for the next seconds. */
  const refused = (error: string) => {
    return [JSON.stringify({ error, typed_error: { error_type: 'InvalidArgument', message: error } }), SENTINEL];
  };

  it.each<[string, string, (control: Record<string, unknown>) => Uint8Array, string | undefined]>([
    ['no message', 'deserialization', () => Buffer.from('rubbish'), undefined],
    ['a message cut off', 'deserialization', (control) => well(control).subarray(0, 60), undefined],
    ['a huge length', 'deserialization', () => Buffer.alloc(24, 0xff), undefined],
    ['a header that is no JSON', 'deserialization', () => encodeTwoPart('{', '1'), undefined],
    ['a header that is no UTF-8', 'deserialization', () => encodeTwoPart(Buffer.of(0x22, 0xff, 0x22), '1'), undefined],
    ['a header that lacks its id', 'deserialization', (control) => well({ ...control, id: undefined }), undefined],
    ['no header', 'invalid_message', () => encodeTwoPart('', '"hi"'), undefined],
    ['nothing at all', 'invalid_message', () => encodeTwoPart('', ''), undefined],
    ['no body', 'invalid_message', (control) => well(control, ''), 'PROFILED_MESSAGE_INVALID: the request has no body'],
    [
      'many_in',
      'invalid_message',
      (control) => well({ ...control, request_type: 'many_in' }),
      'PROFILED_MESSAGE_INVALID: `many_in` requests are not supported; send `single_in`',
    ],
    [
      'msgpack',
      'deserialization',
      (control) => well({ ...control, payload_codec: 'msgpack' }),
      'PROFILED_MESSAGE_INVALID: `payload_codec` msgpack is not supported; send json',
    ],
    [
      'a body that is no UTF-8',
      'deserialization',
      (control) => encodeTwoPart(JSON.stringify(control), Buffer.of(0x22, 0xff, 0x22)),
      'PROFILED_MESSAGE_INVALID: the request body is not valid UTF-8',
    ],
  ])('with %s is counted as %s', async (_, type, make, told) => {
    const called: unknown[] = [];
    const frames = await new Requester().run((request) => void called.push(request), make);
    expect(frames).toEqual(told === undefined ? [] : refused(told));
    expect(await metrics()).toMatchObject({ ...ONE, errors: { [type]: 1 }, responseBytes: 0 });
    expect(called).toEqual([]);
  });

  it('whose body is no JSON says so', async () => {
    const [prologue, ...rest] = await new Requester().run(echo, (control) => well(control, '{"a":'));
    expect(prologue).toContain('the request body is not valid JSON');
    // Else clients of Dynamo would leave the worker out for the next seconds.
    expect(prologue).toContain('"typed_error":{"error_type":"InvalidArgument"');
    expect(rest).toEqual([SENTINEL]);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { deserialization: 1 } });
  });

  it('whose schema rejects it is counted as deserialization', async () => {
    const schema = () => {
      throw new Error('too short');
    };
    const frames = await new Requester().run(echo, (control) => well(control), { schema });
    expect(frames).toEqual(
      refused("PROFILED_MESSAGE_INVALID: the request does not fit the handler's schema: too short"),
    );
    expect(await metrics()).toMatchObject({ ...ONE, errors: { deserialization: 1 } });
  });

  it.each([
    ['another plane', { transport: 'quic_server' }],
    ['info that is no JSON', { info: '{' }],
    [
      'an address where nobody is',
      { info: '{"address":"memory:x","subject":"s","context":"ID","stream_type":"response"}' },
    ],
    [
      'the context of another request',
      { info: '{"address":"memory:x","subject":"s","context":"x","stream_type":"response"}' },
    ],
  ])('with connection info of %s is counted as response_stream', async (_, changes) => {
    const requester = new Requester();
    const frames = await requester.run(echo, (control) => {
      const json = JSON.stringify(changes).replace('ID', requester.id);
      return well({
        ...control,
        connection_info: { ...(control.connection_info as object), ...(JSON.parse(json) as object) },
      });
    });
    expect(frames).toEqual([]);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { response_stream: 1 } });
  });

  it('with two faults is counted once', async () => {
    const make = (control: Record<string, unknown>) =>
      well({ ...control, connection_info: { transport: 'x', info: 'y' } }, '');
    await new Requester().run(echo, make);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { invalid_message: 1 } });
  });
});

describe('a handler', () => {
  it('that fails before its stream gets an error prologue', async () => {
    const handler = () => Promise.reject(new Error('no luck'));
    expect(await new Requester().run(handler, (control) => well(control))).toEqual(['{"error":"no luck"}', SENTINEL]);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { generate: 1 }, responseBytes: 0 });
  });

  it('that fails midway gets an error item for old and new readers, and an orderly end', async () => {
    const handler = async function* () {
      yield 1;
      throw new Error('midway');
    };
    const error = '{"event":"error","comment":["midway"],"error":{"error_type":"Unknown","message":"midway"}}';
    const frames = await new Requester().run(handler, (control) => well(control));
    expect(frames).toEqual([PROLOGUE, item('{"data":1}'), item(error), FINAL, SENTINEL]);
    const responseBytes = item('{"data":1}').length + item(error).length + FINAL.length;
    expect(await metrics()).toMatchObject({ ...ONE, errors: { generate: 1 }, responseBytes });
  });

  it('that yields an item without JSON form gets no final marker', async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const frames = await new Requester().run(
      () => [cyclic][Symbol.iterator](),
      (control) => well(control),
    );
    expect(frames).toEqual([PROLOGUE, SENTINEL]);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { publish_response: 1 } });
  });

  it.each<[string, unknown]>([
    ['no step at all', { next: () => undefined }],
    ['a promise of no step', { next: () => Promise.resolve(null) }],
    [
      'a throw in place of a promise',
      {
        next: () => {
          throw new Error('rude');
        },
      },
    ],
  ])('whose iterator gives %s has failed, and is settled', async (_, iterator) => {
    const handler = () => ({ [Symbol.asyncIterator]: () => iterator });
    await new Requester().run(handler, (control) => well(control));
    expect(await metrics()).toMatchObject({ ...ONE, errors: { generate: 1 } });
  });
});

describe('a connection that takes no more', () => {
  /** A sender that fails at the frame that `matches`, with no word from the requester. */
  const breakingAt = (matches: (text: string) => boolean): { dial: Dial; log: string[] } => {
    const log: string[] = [];
    const sender: ResponseSender = {
      send: (frame) => {
        const { header, body } = decodeTwoPart(frame);
        const text = Buffer.concat([header, body]).toString();
        if (matches(text)) return Promise.reject(new ProfiledError('PROFILED_DISCONNECTED', 'broken pipe'));
        log.push(text);
        return undefined;
      },
      flush: () => undefined,
      end: async () => void log.push('end'),
      destroy: () => void log.push('destroy'),
    };
    return { dial: async () => sender, log };
  };

  it('at the prologue is counted as response_stream', async () => {
    const { dial, log } = breakingAt((text) => text === PROLOGUE);
    await new Requester().run(echo, (control) => well(control), { dial });
    expect(log).toEqual(['destroy']);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { response_stream: 1 }, responseBytes: 0 });
  });

  it('at an item is counted as publish_response, the item included; the handler is closed', async () => {
    const { dial, log } = breakingAt((text) => text.includes('"data":2'));
    const closed = deferred();
    const handler = async function* () {
      try {
        for (let i = 1; ; i++) yield i;
      } finally {
        closed.resolve();
      }
    };
    await new Requester().run(handler, (control) => well(control), { dial });
    await closed.promise;
    expect(log).toEqual([PROLOGUE, item('{"data":1}'), 'destroy']);
    expect(await metrics()).toMatchObject({
      ...ONE,
      errors: { publish_response: 1 },
      responseBytes: 2 * item('{"data":1}').length,
    });
  });

  it('at the final marker is counted as publish_final', async () => {
    const { dial, log } = breakingAt((text) => text === FINAL);
    await new Requester().run(echo, (control) => well(control), { dial });
    expect(log).toEqual([PROLOGUE, item('{"data":"hi"}'), 'destroy']);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { publish_final: 1 } });
  });

  it('after everything was queued is counted as publish_final as well', async () => {
    const { dial, log } = breakingAt(() => false);
    const lost: Dial = async (...args) => ({
      ...(await dial(...args)),
      flush: () => Promise.reject(new ProfiledError('PROFILED_DISCONNECTED', 'broken pipe')),
    });
    await new Requester().run(echo, (control) => well(control), { dial: lost });
    expect(log).toEqual([PROLOGUE, item('{"data":"hi"}'), FINAL, SENTINEL, 'destroy']);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { publish_final: 1 } });
  });

  it('at the error prologue or the sentinel changes nothing any more', async () => {
    const { dial, log } = breakingAt((text) => text === SENTINEL || text.includes('no luck'));
    await new Requester().run(
      () => Promise.reject(new Error('no luck')),
      (control) => well(control),
      { dial },
    );
    expect(log).toEqual(['end']);
    expect(await metrics()).toMatchObject({ ...ONE, errors: { generate: 1 } });
  });
});

describe('a requester', () => {
  it('whose stop arrives before the handler is called gets an empty stream and no sentinel', async () => {
    const requester = new Requester();
    const called: unknown[] = [];
    const dial: Dial = (info, id, options) => {
      options.onEvent('stop');
      return requester.dial(info, id, options);
    };
    const frames = await requester.run(
      (request) => void called.push(request),
      (control) => well(control),
      { dial },
    );
    expect(frames).toEqual([PROLOGUE, FINAL]);
    expect(called).toEqual([]);
    expect(await metrics()).toMatchObject({ ...ONE, cancellations: 1, errors: {} });
  });

  it.each(['kill', 'disconnect'] as const)(
    'whose %s arrives before the handler has answered gets nothing',
    async (event) => {
      const requester = new Requester();
      const closed: string[] = [];
      const stream = {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: () => closed.push('return') }),
      };
      const answer = deferred<unknown>();
      const asked = deferred();
      const dial: Dial = async (info, id, options) => {
        void asked.promise.then(() => options.onEvent(event));
        return requester.dial(info, id, options);
      };
      const handler = () => {
        asked.resolve();
        return answer.promise;
      };
      expect(await requester.run(handler, (control) => well(control), { dial })).toEqual([]);
      expect(await metrics()).toMatchObject({ ...ONE, cancellations: 1, errors: {} });
      answer.resolve(stream);
      await new Promise((resolve) => setImmediate(resolve));
      expect(closed).toEqual(['return']);
    },
  );
});

describe('a run', () => {
  it('that is killed while it dials destroys the connection that it gets', async () => {
    const dialled = deferred<ResponseSender>();
    const log: string[] = [];
    const sender: ResponseSender = {
      send: () => void log.push('send'),
      flush: () => undefined,
      end: async () => void log.push('end'),
      destroy: () => void log.push('destroy'),
    };
    const run = Ingress.forEngine(echo).addMetrics(ADDRESS).openRun({});
    const connectionInfo = { transport: 'tcp_server', info: '{}' };
    const control = encodeControlMessage({
      id: 'id',
      requestType: 'single_in',
      responseType: 'many_out',
      connectionInfo,
    });
    const executed = run.execute(encodeTwoPart(control, '1'), () => dialled.promise);
    run.kill();
    await executed;
    dialled.resolve(sender);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['destroy']);
    expect(await metrics()).toMatchObject({ ...ONE, cancellations: 1, errors: {} });
  });
});
