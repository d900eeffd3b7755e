import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { createMetricsHandler, CustomMetric, Profiled, useRegistry } from '../../lib';
import { LABEL_VALUE_LIMIT, OVERFLOW_VALUE } from '../../lib/metrics/label-limit';
import { parseText } from '../support/exposition-parser';
import { ask } from '../support/http';

const REQUESTS = 100_000;

/** A generator of random numbers below `n`, the same ones in each run (mulberry32). */
function randomFrom(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** What has to be escaped, what other libraries join labels with, and what takes more than one byte. */
const ALPHABET = [...'ab:,|"\\\n{}=_ é日', '𝄞', OVERFLOW_VALUE];

interface Call {
  readonly tenant: string;
  readonly route: string;
}

/** The first distinct values, as the limit should keep them; counts those that are beyond it. */
class Model {
  readonly kept = new Set<string>();
  beyond = 0;

  bound(value: string): string {
    if (this.kept.has(value)) return value;
    if (this.kept.size < LABEL_VALUE_LIMIT) this.kept.add(value);
    else this.beyond += 1;
    return this.kept.has(value) ? value : OVERFLOW_VALUE;
  }
}

test(`${REQUESTS} random label values: series stay bounded, nothing collides, and the overflow is counted`, async () => {
  const registry = new Registry();
  useRegistry(registry);

  @Profiled('ns', 'labels', 'barrage')
  class Handler {
    @CustomMetric({
      type: 'counter',
      name: 'calls_total',
      help: 'Calls by tenant and route',
      labels: ({ request }) => request as Record<keyof Call, string>,
    })
    generate(_: Call): undefined {
      return undefined;
    }
  }

  const random = randomFrom(20_26);
  const text = () => Array.from({ length: 1 + random(9) }, () => ALPHABET[random(ALPHABET.length)]).join('');
  const [tenants, routes] = [new Model(), new Model()];
  const expected = new Map<string, number>();
  const handler = new Handler();
  for (let i = 0; i < REQUESTS; i++) {
    const call = { tenant: text(), route: text() };
    handler.generate(call);
    const key = JSON.stringify([tenants.bound(call.tenant), routes.bound(call.route)]);
    expected.set(key, (expected.get(key) ?? 0) + 1);
  }
  expect(tenants.beyond).toBeGreaterThan(REQUESTS / 2);

  const server = createServer(createMetricsHandler()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { body } = await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.close();
  const families = parseText(body);
  const samples = (name: string) => families.find((family) => family.name === name)!.samples;

  const calls = samples('calls_total');
  expect(calls.length).toBeLessThanOrEqual((LABEL_VALUE_LIMIT + 1) ** 2);
  const scraped = new Map(calls.map(({ labels, value }) => [JSON.stringify([labels.tenant, labels.route]), value]));
  expect(scraped).toEqual(expected);
  const overflow = samples('profiled_label_overflow_total').map(({ labels, value }) => [labels.label, value]);
  expect(Object.fromEntries(overflow)).toEqual({ tenant: tenants.beyond, route: routes.beyond });
  expect(samples('requests_total')).toMatchObject([{ value: REQUESTS }]);
});
