import type { OUTCOMES } from '../metrics/names';

/**
 * How a request that a handler took on ended. Each request ends once, and keeps its duration and bytes whichever way it went.
 *
 * - `success`: the handler came to its end.
 * - `error`: it threw, rejected, or yielded an error item; `errors_total` says of which type.
 * - `cancelled`: the consumer stopped it: `break`, `return()`, a stop or kill, an aborted signal.
 * - `abandoned`: its stream was dropped and collected before it ended.
 */
export type StreamOutcome = (typeof OUTCOMES)[number];

/** Those, and `rejected`: the handler was at its limit (`maxConcurrent`) and never saw the request. */
export type Outcome = StreamOutcome | 'rejected';
