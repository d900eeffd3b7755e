/** The largest request that upstream accepts, all parts together; the default limit of the decoders here. */
export const DEFAULT_MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** How many frames wait between a handler and a slow reader, at most. */
export const FRAME_BUFFER = 64;

/** How long a worker that has sent everything waits for the requester to end the connection, in milliseconds. */
export const FIN_TIMEOUT_MS = 10_000;
