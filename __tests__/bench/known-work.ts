/** A process of the method's tests: `known-work.ts {"of": "time" | "bytes"}`. */
import { measure, type Sides } from '../../bench/method/measure';

/** Uses up so much CPU, however fast it is and whoever else has it. */
function work(micros: number): void {
  const begun = process.cpuUsage();
  for (let used = 0; used < micros;) {
    const { user, system } = process.cpuUsage(begun);
    used = user + system;
  }
}

const kept: { last?: number[] } = {};

const loop = (turn: () => void) => async (times: number) => {
  for (let n = 0; n < times; n++) turn();
};

/** One side takes twice the time of the other, or allocates an array of known size where the other has none. */
const SIDES: Readonly<Record<string, Sides>> = {
  time: { base: loop(() => work(5)), wrapped: loop(() => work(10)) },
  bytes: { base: loop(() => {}), wrapped: loop(() => void (kept.last = new Array<number>(100).fill(0.5))) },
};

const { of } = JSON.parse(process.argv[2]!) as { of: string };
void measure(SIDES[of]!, { pairs: 10, batchMs: 5, warmMs: 40 }).then((reading) => {
  process.stdout.write(`before it\n${JSON.stringify(reading)}\n`);
});
