/** The content type of what {@link bodyText} writes. */
export const TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** One line's worth of a collected family. prom-client hands labels that several samples share over separately. */
export interface CollectedSample {
  /** Left out by counters and gauges, whose samples are called what the family is. */
  readonly metricName?: string;
  readonly labels?: Labels;
  readonly sharedLabels?: Labels;
  readonly value: unknown;
}

/** A family as `metric.get()` or `metric.getForPromString()` gives it. */
export interface CollectedFamily {
  readonly name: string;
  readonly help: unknown;
  readonly type: unknown;
  readonly values?: readonly CollectedSample[];
}

/** Label names and whatever prom-client accepted as their values. */
export type Labels = Readonly<Record<string, unknown>>;

/** How to write one family. */
export interface FamilyStyle {
  /** Labels that every sample of the registry has unless it sets them itself. */
  readonly defaultLabels: Labels;
  /** Alphabetical label order with `le` and `quantile` last, instead of the order in which they were given. */
  readonly sortLabels: boolean;
}

/** HELP, TYPE and samples of one family in the text format 0.0.4, without a trailing newline. */
export function familyText({ name, help, type, values }: CollectedFamily, style: FamilyStyle): string {
  const lines = [`# HELP ${name} ${escapeHelp(String(help))}`, `# TYPE ${name} ${String(type)}`];
  const labelsText = style.sortLabels ? sortedLabels(style.defaultLabels) : givenLabels(style.defaultLabels);
  for (const sample of values ?? []) {
    const text = labelsText(sample);
    lines.push(`${sample.metricName ?? name}${text && `{${text}}`} ${numberText(sample.value)}`);
  }
  return lines.join('\n');
}

/** Families as a scrape's body. */
export function bodyText(families: readonly string[]): string {
  return `${families.join('\n\n')}\n`;
}

const NONE: Labels = Object.freeze({});

/** Labels in alphabetical order, then what only this sample has: `le` or `quantile`. */
function sortedLabels(defaults: Labels): (sample: CollectedSample) => string {
  const common = remembered((shared) => {
    const all = { ...defaults, ...shared };
    return pairs(Object.keys(all).sort(), all);
  });
  return ({ labels = NONE, sharedLabels = NONE }) => joined(common(sharedLabels), pairs(Object.keys(labels), labels));
}

/** Labels in prom-client's order: the sample's own, the defaults, the shared ones. A shared one goes before its namesakes. */
function givenLabels(defaults: Labels): (sample: CollectedSample) => string {
  const common = remembered((shared) => pairs(Object.keys(shared), shared));
  return ({ labels = NONE, sharedLabels = NONE }) => {
    const own: Labels = { ...labels, ...defaults, ...labels };
    const names = Object.keys(own).filter((label) => !Object.hasOwn(sharedLabels, label));
    return joined(pairs(names, own), common(sharedLabels));
  };
}

/** A histogram hands the same labels over once for each bucket; their text is made once. */
function remembered(make: (labels: Labels) => string): (labels: Labels) => string {
  const known = new Map<Labels, string>();
  return (labels) => {
    let text = known.get(labels);
    if (text === undefined) known.set(labels, (text = make(labels)));
    return text;
  };
}

function pairs(names: readonly string[], labels: Labels): string {
  return names.map((name) => `${name}="${escapeLabelValue(String(labels[name]))}"`).join(',');
}

function joined(first: string, second: string): string {
  return first && second ? `${first},${second}` : first + second;
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabelValue(text: string): string {
  if (!/[\\\n"]/.test(text)) return text;
  return escapeHelp(text).replaceAll('"', '\\"');
}

function numberText(value: unknown): string {
  const number = Number(value);
  if (Number.isFinite(number) || Number.isNaN(number)) return String(number);
  return number > 0 ? '+Inf' : '-Inf';
}
