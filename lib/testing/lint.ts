import type { Registry } from 'prom-client';
import { getRegistry, shared } from '../metrics/store';
import { LINT_RULES, type LintedFamily } from './lint-rules';

/** What {@link lint} found. */
export interface Problem {
  /** The family's name. */
  readonly metric: string;
  /** What is wrong and what is expected. */
  readonly text: string;
}

/**
 * Checks every family of `registry` against the naming rules of Prometheus that `promtool check metrics` knows. prom-client's
 * own metrics of the process break some of them; check a registry without those.
 *
 * @example
 * expect(await lint(registry)).toEqual([]);
 */
export async function lint(registry: Registry): Promise<Problem[]> {
  if (registry === shared.registry) getRegistry();
  const families = (await registry.getMetricsAsJSON()) as unknown as LintedFamily[];
  return families.flatMap((family) =>
    LINT_RULES.flatMap((rule) => rule(family)).map((text) => ({ metric: family.name, text })),
  );
}
