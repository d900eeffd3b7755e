import { Registry } from 'prom-client';
import { Profiled, useRegistry } from '../../lib';
import { readings } from '../support/readings';

// Legacy decorators can't be put on such a class at all (TS18036).
test('a class with static private members', async () => {
  const registry = new Registry();
  useRegistry(registry);
  @Profiled('ns', 'comp', 'ep')
  class Handler {
    static #count = 0;
    static count() {
      return (Handler.#count += 1);
    }
    generate() {
      return Handler.count();
    }
  }
  expect(new Handler().generate()).toBe(1);
  expect(await readings(registry, { endpoint: 'ep' })).toMatchObject({ requests: 1, ended: 1 });
});
