import { Registry } from 'prom-client';
import type { RuleOptions } from '../../lib/artefacts/alerts';
import { type NamingOptions, resolveNaming, type StandardSet, standardSeries } from '../../lib/metrics/standard';
import { storeOf } from '../../lib/metrics/store';

/** The flags' defaults. */
export const OPTIONS: RuleOptions = {
  objective: 99.9,
  latencyObjective: 1,
  maxCancellations: 10,
  window: '5m',
  for: '5m',
};

/** The standard set of a handler at `n.c.<endpoint>`, as binding it makes it known. */
export function setOf(options: NamingOptions, endpoint = 'e'): StandardSet {
  const store = storeOf(new Registry());
  standardSeries(store, { namespace: 'n', component: 'c', endpoint }, resolveNaming(options));
  return [...store.standardSets.values()][0]!;
}

/** Ways in which a handler can be named; each gives other metrics, other labels or texts that need quotes. */
export const NAMES: readonly (readonly [what: string, options: NamingOptions, endpoint: string])[] = [
  ['the plain naming', { naming: 'plain' }, 'e'],
  ['the dynamo naming', { naming: 'dynamo' }, 'my-e'],
  ['a prefix', { naming: 'plain', prefix: 'service_' }, 'f'],
  ['constant labels', { naming: 'plain', labels: { service: 'backend', zone: 'no' } }, 'e'],
  ['naming, prefix and labels', { naming: 'dynamo', prefix: 'my:', labels: { service: 'back-end' } }, 'e'],
  ['hostile texts', { naming: 'plain', labels: { a: '{{ $value }} "\\\n: #' } }, '"{{.}}" | \\ $1\u2028'],
];
