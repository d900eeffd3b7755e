import type { OUTCOMES } from '../metrics/names';

/**
 * How a request ended. Each request ends once, and keeps its duration and bytes whichever way it went.
 *
 * - `success`: the handler came to its end.
 * - `error`: it threw, rejected, or yielded an error item; `errors_total` says of which type.
 * - `cancelled`: the consumer stopped it: `break`, `return()`, a stop or kill, an aborted signal.
 * - `abandoned`: its stream was dropped and collected before it ended.
 */
export type Outcome = (typeof OUTCOMES)[number];
