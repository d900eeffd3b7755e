import { randomUUID } from 'node:crypto';
import { context, type Context as TraceContext, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import type { Registry } from 'prom-client';
import { Ingress, profiled, type ProfiledOptions, Profiled } from '../../lib';
import { now } from '../../lib/internal/clock';
import { renderText } from '../../lib/metrics/exposition/render';
import type * as Trace from '../../lib/profile/trace';
import { freshRegistry } from '../../lib/testing';
import { encodeControlMessage } from '../../lib/wire/control-message';
import { encodeTwoPart } from '../../lib/wire/two-part';
import { eventuallyCollected } from '../support/eventually';
import { parseOpenMetrics } from '../support/exposition-parser';
import { readings } from '../support/readings';

jest.mock('../../lib/internal/clock', () => ({
  ...jest.requireActual<object>('../../lib/internal/clock'),
  now: jest.fn(),
}));

/** The clock of durations, which only the tests move. */
let seconds = 1024;
const pass = (duration: number): void => void (seconds += duration);
beforeAll(() => void jest.mocked(now).mockImplementation(() => seconds));

const ADDRESS = { namespace: 'ns', component: 'comp', endpoint: 'ep' };
const CALLER = { trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: 'b7ad6b7169203331' };
const API = Symbol.for('opentelemetry.js.api.1');

const tracer = new BasicTracerProvider().getTracer('test');
let registry: Registry;

beforeEach(() => {
  registry = freshRegistry();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => context.disable());

/** Runs `work` within a span of its own; resolves to the span's ids and to what the work resolves to. */
async function within<T>(work: () => T, from: TraceContext = ROOT_CONTEXT) {
  const span = tracer.startSpan('work', {}, from);
  const { traceId, spanId } = span.spanContext();
  const result = await context.with(trace.setSpan(from, span), work);
  span.end();
  return { ids: { trace_id: traceId, span_id: spanId }, result };
}

/** The samples with an exemplar, in an OpenMetrics scrape. */
async function exemplars() {
  const families = parseOpenMetrics(await renderText(registry, { format: 'openmetrics' }));
  return families
    .flatMap(({ samples }) => samples)
    .filter(({ exemplar }) => exemplar)
    .map(({ name, labels, exemplar }) => ({ name, le: labels.le, type: labels.error_type, ...exemplar! }));
}

const handlerOf = (options: ProfiledOptions = {}) =>
  profiled(
    ADDRESS,
    async (fails: unknown) => {
      if (fails === true) throw new Error('as asked');
    },
    options,
  );

test('buckets and errors have the trace that was active when the request arrived, in OpenMetrics alone', async () => {
  const call = handlerOf();
  const before = Date.now() / 1000;
  const { ids: first } = await within(() => call(false));
  expect(await exemplars()).toMatchObject([{ name: 'request_duration_seconds_bucket', labels: first }]);
  const { ids } = await within(() => call(true).catch(() => {}));
  const shown = await exemplars();
  expect(shown).toMatchObject([
    { name: 'errors_total', type: 'generate', labels: ids, value: 1 },
    { name: 'request_duration_seconds_bucket', labels: ids },
  ]);
  for (const { timestamp } of shown) {
    expect(timestamp).toBeGreaterThan(before - 0.001);
    expect(timestamp).toBeLessThan(Date.now() / 1000 + 0.001);
  }
  expect(await renderText(registry)).not.toContain(ids.trace_id);
  expect(await registry.metrics()).not.toContain(ids.trace_id);
});

test('an exemplar is inside its bucket, and each bucket keeps its last', async () => {
  const durations = [0.125, 0.375, 0.75, 0.625, 20];
  const call = profiled(ADDRESS, async (duration: number) => pass(duration), { buckets: [0.25, 0.5, 1] });
  const ids: { span_id: string }[] = [];
  for (const duration of durations) ids.push((await within(() => call(duration))).ids);
  expect(
    (await exemplars()).map(({ le, value, labels }) => [
      le,
      value,
      ids.findIndex(({ span_id }) => span_id === labels.span_id),
    ]),
  ).toEqual([
    ['0.25', 0.125, 0],
    ['0.5', 0.375, 1],
    ['1.0', 0.625, 3],
    ['+Inf', 20, 4],
  ]);
});

test('a stream keeps the trace of its arrival, whoever reads it', async () => {
  async function* letters() {
    yield* 'ab';
  }
  const call = profiled(ADDRESS, letters);
  let stream!: AsyncGenerator<string>;
  const { ids } = await within(() => void (stream = call()));
  await within(async () => {
    for await (const _ of stream);
  });
  expect(await exemplars()).toMatchObject([{ labels: ids }]);
});

test('dropped streams leave their traces too', async () => {
  async function* letters() {
    yield* 'ab';
  }
  const call = profiled(ADDRESS, letters);
  const traces: unknown[] = [];
  // Several: when one of them in particular is collected is up to the engine.
  for (let i = 0; i < 5; i++) traces.push((await within(() => void call())).ids);
  await eventuallyCollected('one is settled', async () => (await readings(registry, ADDRESS)).ended > 0);
  const [exemplar] = await exemplars();
  expect(traces).toContainEqual(exemplar!.labels);
});

describe('there is no exemplar', () => {
  const spanWith = (traceId: string, spanId: string, traceFlags: number) =>
    trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags });

  test.each<[string, TraceContext]>([
    ['without an active span', ROOT_CONTEXT],
    ['of a trace that is not sampled', spanWith(CALLER.trace_id, CALLER.span_id, TraceFlags.NONE)],
    ['of a trace without an id', spanWith('0'.repeat(32), CALLER.span_id, TraceFlags.SAMPLED)],
    ['of a span without an id', spanWith(CALLER.trace_id, '0'.repeat(16), TraceFlags.SAMPLED)],
    ['of ids that are none', spanWith('x"\n'.repeat(20), '{}', TraceFlags.SAMPLED)],
  ])('%s', async (_, active) => {
    const call = handlerOf();
    await context.with(active, () => call(true).catch(() => {}));
    expect(await exemplars()).toEqual([]);
  });

  test('with `exemplars: false`', async () => {
    const call = handlerOf({ exemplars: false });
    await within(() => call(true).catch(() => {}));
    expect(await exemplars()).toEqual([]);
    expect(() => handlerOf({ exemplars: 'yes' as never })).toThrow('`exemplars` must be true or false');
  });

  test('where no SDK is registered, the API was never loaded, or its context manager fails', async () => {
    const call = handlerOf();
    context.disable();
    await within(() => call(false));
    const globals = globalThis as Record<symbol, unknown>;
    const api = globals[API];
    try {
      delete globals[API];
      await call(false);
      globals[API] = {
        context: {
          active: () => {
            throw new Error('not now');
          },
        },
      };
      await call(false);
    } finally {
      globals[API] = api;
    }
    expect(await exemplars()).toEqual([]);
    expect(await readings(registry, ADDRESS)).toMatchObject({ requests: 3, ended: 3, inflight: 0 });
  });
});

test('an SDK is found that registers itself after its place was emptied', () => {
  const globals = globalThis as Record<symbol, unknown>;
  const api = globals[API];
  try {
    globals[API] = null;
    jest.isolateModules(() => {
      const { isTracing } = jest.requireActual<typeof Trace>('../../lib/profile/trace');
      expect(isTracing()).toBe(false);
      globals[API] = api;
      const looks = Array.from({ length: 64 }, () => isTracing());
      expect(looks.indexOf(true)).toBe(63);
    });
  } finally {
    globals[API] = api;
  }
});

describe('a served request', () => {
  const traceparent = (flags = '01', version = '00', more = '') =>
    `${version}-${CALLER.trace_id}-${CALLER.span_id}-${flags}${more}`;

  async function serve(headers: Record<string, string>, options: ProfiledOptions = {}) {
    @Profiled({ ...ADDRESS, ...options })
    class Handler {
      async generate() {
        throw new Error('as asked');
      }
    }
    const control = encodeControlMessage({
      id: randomUUID(),
      requestType: 'single_in',
      responseType: 'many_out',
      connectionInfo: { transport: 'test', info: '{}' },
    });
    const connection = { send: () => undefined, flush: () => undefined, end: async () => {}, destroy: () => {} };
    await Ingress.forEngine(new Handler())
      .addMetrics(ADDRESS)
      .handlePayload(encodeTwoPart(control, '"x"'), async () => connection, headers);
  }

  test.each([traceparent(), traceparent('03'), traceparent('01', 'cc', '-more')])(
    'has the trace of its caller: %s',
    async (header) => {
      await serve({ traceparent: header });
      expect(await exemplars()).toMatchObject([
        { name: 'errors_total', labels: CALLER },
        { name: 'request_duration_seconds_bucket', labels: CALLER },
      ]);
    },
  );

  test('has that of an active span before it', async () => {
    const { ids } = await within(() => serve({ traceparent: traceparent() }));
    expect((await exemplars())[0]).toMatchObject({ labels: ids });
  });

  test.each([
    ['an unsampled trace', traceparent('00')],
    ['a version that is none', traceparent('01', 'ff')],
    ['capitals', traceparent().toUpperCase()],
    ['an id of zeros', `00-${'0'.repeat(32)}-${CALLER.span_id}-01`],
    ['text', 'hello'],
    ['nothing', ''],
  ])('has none of %s', async (_, header) => {
    await serve({ traceparent: header });
    expect(await exemplars()).toEqual([]);
  });

  test('has none where its decorator says `exemplars: false`', async () => {
    await serve({ traceparent: traceparent() }, { exemplars: false });
    expect(await exemplars()).toEqual([]);
  });
});
