/** The acknowledgement of an accepted request: no bytes. It is sent before the request is processed. */
export const ACCEPTED: Uint8Array = new Uint8Array(0);

/**
 * The two refusals that upstream clients of 1.3 and later understand, by how they begin. They take every other text for an
 * acceptance, and then wait for a response that never comes.
 */
export const REFUSALS = { overloaded: 'Server overloaded: ', unavailable: 'Server unavailable: ' } as const;

/** The acknowledgement that refuses a request. */
export function refusal(kind: keyof typeof REFUSALS, reason: string): Uint8Array {
  return new TextEncoder().encode(REFUSALS[kind] + reason);
}

/** Why `ack` refuses the request; undefined if it accepts it. Any text at all is a refusal: releases have used several. */
export function refusalReason(ack: Uint8Array): string | undefined {
  return ack.length === 0 ? undefined : new TextDecoder().decode(ack);
}
