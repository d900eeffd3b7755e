import { setTimeout as pause } from 'node:timers/promises';
import { CustomMetric, Profiled, profiled } from 'profiled';

/** One request of the driver, which says what becomes of it. */
export interface Work {
  /** How long the handler takes in all, in milliseconds. */
  readonly ms: number;
  /** How many items it answers with, and how many bytes each of them has. */
  readonly items: number;
  readonly bytes: number;
  /** `fail`: it throws after the last item. `cancel`: its consumer stops after the first one. `stall`: it waits for `release`. */
  readonly fate: 'ok' | 'fail' | 'cancel' | 'stall';
  /** Becomes a label. */
  readonly route: string;
}

let open!: () => void;
const gate = new Promise<void>((resolve) => (open = resolve));

/** Lets requests go on that stall. */
export function release(): void {
  open();
}

@Profiled('e2e', 'app', 'stream')
export class Streaming {
  @CustomMetric({
    type: 'counter',
    name: 'e2e_routes_total',
    help: 'Requests by route',
    labels: ({ request }) => ({ route: (request as Work).route }),
  })
  @CustomMetric({
    type: 'gauge',
    name: 'e2e_items',
    help: 'Items of the last request; a stalling one has no number',
    value: ({ request }) => ((request as Work).fate === 'stall' ? (undefined as never) : (request as Work).items),
  })
  async *generate(work: Work): AsyncGenerator<string> {
    if (work.fate === 'stall') await gate;
    for (let i = 0; i < work.items; i++) {
      await pause(work.ms / work.items);
      yield 'x'.repeat(work.bytes);
    }
    if (work.fate === 'fail') throw new Error('as the driver wants it');
  }
}

/** Of three calls at once one runs, one waits, one is refused. */
export const limited = profiled('e2e.app.limited', () => pause(5), { maxConcurrent: 1, maxQueued: 1 });

export const double = profiled('e2e.app.double', async (n: number) => n * 2);
