import type { LabelValues } from '../metrics/labels';

/**
 * Where `@opentelemetry/api` 1.x, any copy of it, keeps what an SDK has registered; and the key of the active span in a context.
 * Both are registered symbols, so nothing has to be found in `node_modules`.
 */
const API = Symbol.for('opentelemetry.js.api.1');
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN');

const SAMPLED = 1;
const TRACE_ID = /^(?!0+$)[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0+$)[0-9a-f]{16}$/;
/** W3C Trace Context: version, trace id, parent id, flags; later versions may add more. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

interface Api {
  readonly context?: { active(): { getValue(key: symbol): { spanContext(): SpanContext } | undefined } };
}

/** A look at `globalThis` costs as much as half of a clock, so as long as there is no SDK, only one request in so many looks again. */
const LOOK_EVERY = 64;
let api: Api | undefined;
let untilLook = 0;

/** Whether an SDK has registered itself: one field, once it has. One that comes late is noticed within {@link LOOK_EVERY} requests. */
export function isTracing(): boolean {
  return api !== undefined || (--untilLook < 0 && look());
}

function look(): boolean {
  untilLook = LOOK_EVERY - 1;
  // Whoever empties the place, as tests do, may leave null there.
  api = ((globalThis as Record<symbol, unknown>)[API] as Api | null | undefined) || undefined;
  return api !== undefined;
}

/** The labels of an exemplar of the span that is active now; undefined unless there is one and its trace is kept. Never throws. */
export function activeTrace(): LabelValues | undefined {
  if (!isTracing() || api?.context === undefined) return undefined;
  try {
    const span = api.context.active().getValue(SPAN)?.spanContext();
    return span && labelsOf(span.traceId, span.spanId, span.traceFlags);
  } catch {
    return undefined; // a context manager of someone else's; an exemplar is not worth a request
  }
}

/** The same for the header `traceparent`, whose span is the caller's. */
export function traceOfHeader(traceparent: string | undefined): LabelValues | undefined {
  const [, traceId, spanId, flags] = (traceparent && TRACEPARENT.exec(traceparent)) || [];
  return traceId === undefined ? undefined : labelsOf(traceId, spanId!, Number.parseInt(flags!, 16));
}

function labelsOf(traceId: string, spanId: string, flags: number): LabelValues | undefined {
  const isKept = (flags & SAMPLED) !== 0 && TRACE_ID.test(traceId) && SPAN_ID.test(spanId);
  return isKept ? { trace_id: traceId, span_id: spanId } : undefined;
}
