import { canonicalLabels } from '../metrics/labels';
import { NAMING_SCHEMES, NAMINGS } from '../metrics/names';
import { checkNaming, resolveNaming, type StandardSet } from '../metrics/standard';
import { invalid, type Values } from './values';

/** Where it stands which handlers an artefact is for. */
export interface Source {
  /** Files or packages, as they were given. */
  readonly modules: readonly string[];
  /** What comes before them, each with the flag of node that loads it. */
  readonly preloads: readonly (readonly [flag: '--require' | '--import', module: string])[];
  /** Every endpoint under the names and labels that were given: what it is for when there is no module. */
  readonly set: StandardSet;
}

/** @throws PROFILED_CONFIG_INVALID, PROFILED_METRIC_INVALID for a label */
export function readSource(values: Values, modules: readonly string[]): Source {
  const preloads = (['require', 'import'] as const).flatMap((flag) =>
    values.texts(flag).map((module) => [`--${flag}` as const, module] as const),
  );
  const naming = values.oneOf('naming', NAMINGS);
  const prefix = values.text('prefix');
  const labels = values.pairs('label');
  const isNamed = naming !== undefined || prefix !== undefined || Object.keys(labels).length > 0;
  if (isNamed && modules.length + preloads.length > 0) {
    throw invalid('--naming, --prefix and --label are for use without modules; the decorators say them otherwise');
  }
  const options = { ...(naming && { naming }), ...(prefix !== undefined && { prefix }), labels };
  checkNaming(options);
  const resolved = resolveNaming(options);
  const set = { ...resolved, labels: canonicalLabels(labels), bounds: NAMING_SCHEMES[resolved.naming].buckets };
  return { modules, preloads, set };
}
