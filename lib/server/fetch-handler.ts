import { deferred } from '../internal/deferred';
import type { Reply } from './answer';
import { answererOf, type MetricsHandlerOptions } from './metrics-handler';
import { type Question, SEND_TIMEOUT_MS } from './scrape-answer';

/** What takes a Web `Request` and gives a `Response`: a handler of Hono, and of whatever else speaks `fetch`. */
export type FetchHandler = (request: Request) => Promise<Response>;

/**
 * What answers scrapes as `createMetricsHandler` does, for frameworks that speak the Web's `Request` and `Response`. A large scrape is
 * a stream; one that nobody reads for 30 seconds fails. Rejects only if `request` is none.
 *
 * @example
 * const metrics = createFetchHandler();
 * app.get('/metrics', (context) => metrics(context.req.raw));
 * @throws PROFILED_CONFIG_INVALID for an option or a variable of the environment that can not be used
 */
export function createFetchHandler(options: MetricsHandlerOptions = {}): FetchHandler {
  const answerer = answererOf('createFetchHandler', options);
  return (request) =>
    new Promise((resolve, reject) => {
      let response: Response;
      const deliver = (reply: Reply) => {
        const isStream = request.method === 'GET' && reply.chunks.length > 1;
        const { body, taken } = isStream ? streamOf(reply.chunks, request.signal) : wholeOf(request, reply);
        response = new Response(body, { status: reply.status, headers: reply.headers });
        if (isStream) resolve(response);
        return taken;
      };
      answerer(questionOf(request), deliver).then(() => resolve(response), reject);
    });
}

function questionOf({ method, url, headers }: Request): Question {
  const { pathname, search } = new URL(url);
  return { method, path: pathname, query: search.slice(1), header: (name) => headers.get(name) ?? undefined };
}

interface Delivery {
  readonly body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
  /** Resolves when the chunks are not needed any more. */
  readonly taken: Promise<void>;
}

function wholeOf({ method }: Request, { chunks: [chunk] }: Reply): Delivery {
  return { body: method === 'HEAD' || !chunk ? null : copyOf(chunk), taken: Promise.resolve() };
}

/** Who gets the bytes may keep them, or hand them to another thread; the chunks are used again. */
function copyOf(chunk: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(chunk);
}

/** The chunks one by one as they are asked for. */
function streamOf(chunks: readonly Buffer[], signal: AbortSignal): Delivery {
  const { promise: taken, resolve } = deferred();
  const left = chunks[Symbol.iterator]();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const end = (): void => {
    clearTimeout(idle);
    signal.removeEventListener('abort', giveUp);
    resolve();
  };
  const giveUp = (): void => {
    controller.error(new DOMException('The metrics were not read in time, or the request was aborted', 'AbortError'));
    end();
  };
  const idle = setTimeout(giveUp, SEND_TIMEOUT_MS).unref();
  const body = new ReadableStream<Uint8Array>(
    {
      start: (own) => void (controller = own),
      pull() {
        idle.refresh();
        const { value } = left.next();
        if (value) return controller.enqueue(copyOf(value));
        controller.close();
        end();
      },
      cancel: end,
    },
    // Nothing is copied before it is asked for.
    { highWaterMark: 0 },
  );
  if (signal.aborted) giveUp();
  else signal.addEventListener('abort', giveUp);
  return { body, taken };
}
