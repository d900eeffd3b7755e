import { Counter } from 'prom-client';
import { instrument } from '../instrument';
import type { Wrapper } from '../wrapper';
import { standard } from './ours';

const counter = new Counter({ name: 'slowed_total', help: 'Once too often', labelNames: ['namespace', 'endpoint'] });
const inc = () => counter.inc({ namespace: 'bench', endpoint: 'slowed' });
const nothing = () => {};

/** Ours, and a counter of prom-client for each call and each item. */
export const slowed: Wrapper = {
  wrap(target, of, index) {
    const Slow = class {
      readonly #handler = instrument(target, of, {
        begin: inc,
        item: inc,
        failed: nothing,
        cancelled: nothing,
        end: nothing,
      });
      generate(request: string): unknown {
        return this.#handler.generate(request);
      }
    };
    return standard.wrap(Slow, of, index);
  },
};
