/**
 * The six values of the `error_type` label of `errors_total`, in the order in which a request can meet them.
 *
 * - `deserialization`: the message, its control header or its body can't be parsed, or the body fails the handler's schema.
 * - `invalid_message`: a well-formed message of the wrong kind (no header, no body, `many_in`).
 * - `response_stream`: the way back can't be opened; in process: the returned stream can't be opened.
 * - `generate`: the handler throws or rejects, its stream throws midway, or it yields an error item.
 * - `publish_response`: an item can't be encoded or sent while the request is not cancelled.
 * - `publish_final`: the same for the final marker.
 */
export const ERROR_TYPES = [
  'deserialization',
  'invalid_message',
  'response_stream',
  'generate',
  'publish_response',
  'publish_final',
] as const;

/** One of {@link ERROR_TYPES}. */
export type ErrorType = (typeof ERROR_TYPES)[number];

/** Every code that a {@link ProfiledError} can carry, with what it means. `docs/errors.md` lists the way out of each. */
export const ERROR_CODES = {
  PROFILED_CONFIG_INVALID: 'An option or environment variable has a value that can not be used.',
  PROFILED_PORT_IN_USE: 'The port to listen on is taken by another process.',
  PROFILED_PORT_DENIED: 'The process may not listen on that port or address.',
  PROFILED_LISTEN_FAILED: 'Listening failed for another reason.',
  PROFILED_METRIC_INVALID: 'A metric definition breaks a rule of Prometheus or of this library.',
  PROFILED_METRIC_CONFLICT: 'The name is already registered with another type, help, labels or buckets.',
  PROFILED_TARGET_INVALID: 'A namespace, component or endpoint name is missing or malformed.',
  PROFILED_HANDLER_INVALID: 'What was decorated, wrapped or served is not a handler that can be measured.',
  PROFILED_MESSAGE_INVALID: 'A message on the wire can not be decoded, or is of the wrong kind.',
  PROFILED_REQUEST_REJECTED: 'The worker refused the request before running it.',
  PROFILED_REMOTE_ERROR: 'The remote handler failed before its stream began.',
  PROFILED_DISCONNECTED: 'The response stream ended before its final marker.',
  PROFILED_NO_INSTANCES: 'No instance of the endpoint is known.',
  PROFILED_TIMEOUT: 'A time limit passed.',
  PROFILED_UNAVAILABLE: 'A server that this process depends on can not be reached.',
  PROFILED_CANCELLED: 'The request was cancelled by its caller.',
  PROFILED_PUSH_FAILED: 'A Pushgateway could not be reached, or refused what was pushed.',
  PROFILED_OVERLOADED:
    'The handler runs as many calls as it is allowed, and the call could not wait, or not long enough.',
  PROFILED_SHUTDOWN: 'The runtime, server or endpoint has been shut down.',
  PROFILED_UNKNOWN: 'Anything else; see `cause`.',
} as const;

/** One of the keys of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

const BRAND = Symbol.for('profiled/error@1');

/** Options of {@link ProfiledError}. */
export interface ProfiledErrorOptions {
  /** What made this error happen; shown by Node below the stack. */
  readonly cause?: unknown;
}

/**
 * The one error class of this package. `code` is one of a closed set; the message begins with it, then says what was wrong,
 * what was expected and the way out.
 */
export class ProfiledError extends Error {
  override readonly name = 'ProfiledError';
  /** One of {@link ERROR_CODES}: stable, unlike the message. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ProfiledErrorOptions) {
    super(`${code}: ${message}`, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Whether `value` is a `ProfiledError`, of this or of another copy of the package. */
  static is(value: unknown): value is ProfiledError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
  }

  /** `value` itself if it is a `ProfiledError`; otherwise a `PROFILED_UNKNOWN` whose `cause` is `value`. Never throws. */
  static from(value: unknown): ProfiledError {
    return ProfiledError.is(value) ? value : new ProfiledError('PROFILED_UNKNOWN', messageOf(value), { cause: value });
  }
}

/** A text for anything that can be thrown, `undefined` and objects with a hostile `toString` included. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return thrown.message || thrown.name;
    return String(thrown);
  } catch {
    return 'a value that can not be turned into text';
  }
}
