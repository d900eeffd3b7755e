import type { ErrorType } from '../errors';
import type { Profile } from '../profile/profile';

/** Why a stream is cut: its consumer asked for it, or this worker is being drained. */
export type Stop = 'consumer' | 'drain';

/** What the parts of one run have to agree on. */
export class RunState {
  stop: Stop | undefined;
  /** The final marker is on its way: there is nothing left to cut. */
  isComplete = false;
  /** Nothing more is to be sent: what the requester does now is no cancellation. */
  isOver = false;
  /** The connection can not be used any more, or nobody listens to it. */
  isBroken = false;

  constructor(readonly profile: Profile) {}

  /** A requester that said stop expects no sentinel, only the end of the stream. */
  get ending(): { readonly sentinel: boolean } {
    return { sentinel: this.stop !== 'consumer' };
  }

  /** Whether `sending` succeeded; a failure is counted as `type` unless the request was cancelled. */
  async sent(type: ErrorType, sending: Promise<void>): Promise<boolean> {
    try {
      await sending;
      return !this.isBroken;
    } catch (error) {
      this.profile.fail(type, error);
      this.isBroken = true;
      return false;
    }
  }
}
