/** A process of the method's tests: the wrapped side does twice the work of the base, and allocates a known array. */
import { measure } from '../../bench/method/measure';

let sum = 0;
const kept: { last?: Float64Array | number[] } = {};

function work(turns: number): void {
  for (let i = 0; i < turns; i++) sum = (sum * 31 + i) % 1_000_003;
}

const sides = {
  base: async (times: number) => {
    for (let n = 0; n < times; n++) work(300);
  },
  wrapped: async (times: number) => {
    for (let n = 0; n < times; n++) {
      work(300);
      work(300);
      kept.last = new Array<number>(100).fill(0.5);
    }
  },
};

void measure(sides, { pairs: 10, batchMs: 5, warmMs: 40 }).then((reading) => {
  process.stdout.write(`before it\n${JSON.stringify(reading)}\n`);
});
