import { ProfiledError } from '../errors';

/** Label names and their values. */
export type LabelValues = Readonly<Record<string, string>>;

/** No labels at all; shared, so that a scrape can recognise it. */
export const NO_LABELS: LabelValues = Object.freeze({});

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const RESERVED = new Set(['le', 'quantile']);

/** Checks a metric name against Prometheus' data model. @throws PROFILED_METRIC_INVALID */
export function checkMetricName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !METRIC_NAME.test(name)) {
    throw new ProfiledError(
      'PROFILED_METRIC_INVALID',
      `a metric's \`name\` must be a string that matches ${METRIC_NAME.source}, got ${show(name)}`,
    );
  }
}

/**
 * Checks label names: valid in Prometheus, not reserved (`le`, `quantile`, `__*`), none in `taken`, none twice.
 * @throws PROFILED_METRIC_INVALID naming the metric and the label
 */
export function checkLabelNames(metric: string, names: readonly string[], taken: readonly string[] = []): void {
  const seen = new Set<string>();
  for (const name of names) {
    const complaint =
      typeof name !== 'string' || !LABEL_NAME.test(name)
        ? `must match ${LABEL_NAME.source}`
        : name.startsWith('__') || RESERVED.has(name)
          ? 'is reserved by Prometheus'
          : taken.includes(name)
            ? 'is set by the hierarchy and can not be given again'
            : seen.has(name)
              ? 'is given twice'
              : undefined;
    if (complaint) {
      throw new ProfiledError('PROFILED_METRIC_INVALID', `label ${show(name)} of metric \`${metric}\` ${complaint}`);
    }
    seen.add(name);
  }
}

/** The labels as one frozen object, names in alphabetical order, values as well-formed text. What is so already is given back. */
export function canonicalLabels(labels: Readonly<Record<string, unknown>>): LabelValues {
  if (Object.isFrozen(labels) && isCanonical(labels)) return labels;
  const sorted: Record<string, string> = {};
  for (const name of Object.keys(labels).sort()) sorted[name] = labelText(labels[name]);
  return Object.freeze(sorted);
}

function isCanonical(labels: Readonly<Record<string, unknown>>): labels is LabelValues {
  return Object.entries(labels).every(
    ([name, value], i, all) => (i === 0 || all[i - 1]![0] < name) && value === labelText(value),
  );
}

/** A key that differs whenever the labels do; expects what {@link canonicalLabels} returns. */
export function labelKey(labels: LabelValues): string {
  return JSON.stringify(Object.entries(labels));
}

/**
 * The text that stands for a label's value: '' for undefined and null, a string or number as it is, anything else by its
 * `toString`; lone surrogates replaced, at most 256 characters.
 */
export function labelText(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : `${value as string}`;
  return (text.length > 256 ? text.slice(0, 256) : text).toWellFormed();
}

/** A value as an error message shows it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name ?? 'no class'})`;
  return `${String(value)} (${typeof value})`;
}

/** Refuses an option that nobody reads, such as a misspelt one. @throws PROFILED_CONFIG_INVALID naming it and those that there are */
export function checkOptionNames(what: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new ProfiledError(
      'PROFILED_CONFIG_INVALID',
      `the options of ${what} must be an object, got ${show(options)}`,
    );
  }
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    `${what} has no option \`${unknown}\`; the options are ${names.join(', ')}`,
  );
}
