import { setImmediate as nextTurn } from 'node:timers/promises';
import { now } from '../../internal/clock';

/** How long a scrape works before it lets others have a turn, in seconds. */
const SLICE_SECONDS = 0.002;

/** Divides long work into slices, between which the event loop turns. */
export class Slices {
  #end: number;

  /** @param clock seconds, for tests */
  constructor(private readonly clock: () => number = now) {
    this.#end = clock() + SLICE_SECONDS;
  }

  /** Whether this slice has been used up. To be asked often: it costs one look at the clock. */
  get isOver(): boolean {
    return this.clock() >= this.#end;
  }

  /** Resolves in the next slice. */
  async next(): Promise<void> {
    await nextTurn();
    this.restart();
  }

  /** Begins the slice now: what went before was waiting. */
  restart(): void {
    this.#end = this.clock() + SLICE_SECONDS;
  }
}
