/** What a rule sees of a family. */
export interface LintedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly {
    readonly metricName?: string;
    readonly labels: Readonly<Record<string, unknown>>;
  }[];
}

/** Gives one sentence for each breach. */
type LintRule = (family: LintedFamily) => string[];

const BASE_UNITS = ['amperes', 'bytes', 'celsius', 'grams', 'joules', 'kelvin', 'meters', 'metres', 'seconds', 'volts'];
const OTHER_UNITS: Readonly<Record<string, string>> = {
  bits: 'bytes',
  calories: 'joules',
  days: 'seconds',
  fahrenheit: 'celsius',
  feet: 'meters',
  hours: 'seconds',
  inches: 'meters',
  miles: 'meters',
  minutes: 'seconds',
  ounces: 'grams',
  percent: 'ratio',
  pounds: 'grams',
  weeks: 'seconds',
  yards: 'meters',
};
const UNIT_PREFIXES =
  'pico nano micro milli centi deci deca hecto kilo kibi mega mebi mibi giga gibi tera tebi peta pebi'.split(' ');
const ABBREVIATIONS = 's ms us ns sec b kb mb gb tb pb m h d'.split(' ');
const TYPES = ['counter', 'gauge', 'histogram', 'summary'];

const complain = (breach: boolean, text: string): string[] => (breach ? [text] : []);

const words = (name: string): string[] => name.split('_');

const labelNames = ({ values }: LintedFamily): string[] => [
  ...new Set(values.flatMap(({ labels }) => Object.keys(labels))),
];

/** The base unit to use in place of `word`, if `word` is a unit and not a base unit. */
function betterUnit(word: string): string | undefined {
  if (Object.hasOwn(OTHER_UNITS, word)) return OTHER_UNITS[word];
  const prefix = UNIT_PREFIXES.find((candidate) => word.startsWith(candidate));
  const unit = prefix && word.slice(prefix.length);
  if (!unit) return undefined;
  return BASE_UNITS.includes(unit) ? unit : Object.hasOwn(OTHER_UNITS, unit) ? OTHER_UNITS[unit] : undefined;
}

function duplicates({ name, values }: LintedFamily): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { metricName = name, labels } of values) {
    const pairs = Object.entries(labels).map(([label, value]) => [label, String(value)] as const);
    const series = metricName + JSON.stringify(Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1))));
    if (seen.has(series)) twice.add(series);
    seen.add(series);
  }
  return [...twice].map((series) => `the series ${series} is there more than once`);
}

/** The rules of Prometheus' own linter: suffixes, help, units, names, labels, uniqueness. */
export const LINT_RULES: readonly LintRule[] = [
  ({ name, type }) => complain(type === 'counter' && !name.endsWith('_total'), 'a counter must end in `_total`'),
  ({ name, type }) => complain(type !== 'counter' && name.endsWith('_total'), `a ${type} must not end in \`_total\``),
  ({ help }) => complain(help.trim() === '', 'the help text is missing'),
  ({ name }) =>
    words(name).flatMap((word) => {
      const unit = betterUnit(word);
      return unit === undefined ? [] : [`use the base unit \`${unit}\` instead of \`${word}\``];
    }),
  ({ name }) =>
    words(name)
      .slice(1)
      .filter((word) => ABBREVIATIONS.includes(word))
      .map((word) => `write the unit out instead of \`_${word}\``),
  ({ name }) =>
    words(name)
      .slice(1)
      .filter((word) => TYPES.includes(word))
      .map((word) => `leave the type \`${word}\` out of the name`),
  ({ name }) => complain(name.includes(':'), '`:` is for recording rules'),
  ({ name }) => complain(/[a-z][A-Z]/.test(name), 'the name must be snake_case, not camelCase'),
  (family) =>
    labelNames(family)
      .filter((label) => /[a-z][A-Z]/.test(label))
      .map((label) => `label \`${label}\` must be snake_case, not camelCase`),
  ({ name, type }) => complain(type !== 'histogram' && name.endsWith('_bucket'), '`_bucket` is for histograms'),
  ({ name, type }) =>
    complain(
      type !== 'histogram' && type !== 'summary' && /_(count|sum)$/.test(name),
      '`_count` and `_sum` are for histograms and summaries',
    ),
  (family) =>
    complain(family.type !== 'histogram' && labelNames(family).includes('le'), 'label `le` is for histograms'),
  (family) =>
    complain(family.type !== 'summary' && labelNames(family).includes('quantile'), 'label `quantile` is for summaries'),
  duplicates,
];
