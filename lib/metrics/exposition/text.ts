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
  for (const sample of values ?? []) lines.push(sampleText(name, sample, style));
  return lines.join('\n');
}

/** Families as a scrape's body. */
export function bodyText(families: readonly string[]): string {
  return `${families.join('\n\n')}\n`;
}

function sampleText(name: string, sample: CollectedSample, { defaultLabels, sortLabels }: FamilyStyle): string {
  const shared: Labels = sample.sharedLabels ?? {};
  const own: Labels = { ...sample.labels, ...defaultLabels, ...sample.labels };
  // As prom-client has it: own and default labels first, and a shared label goes before an own one of the same name.
  const entries = [
    ...Object.entries(own).filter(([label]) => !Object.hasOwn(shared, label)),
    ...Object.entries(shared),
  ];
  if (sortLabels) entries.sort(byLabelName);
  const text = entries.map(([label, value]) => `${label}="${escapeLabelValue(String(value))}"`).join(',');
  return `${sample.metricName ?? name}${text && `{${text}}`} ${numberText(sample.value)}`;
}

const LAST = ['le', 'quantile'];

function byLabelName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return LAST.indexOf(a) - LAST.indexOf(b) || (a < b ? -1 : 1);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabelValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function numberText(value: unknown): string {
  const number = Number(value);
  if (Number.isFinite(number) || Number.isNaN(number)) return String(number);
  return number > 0 ? '+Inf' : '-Inf';
}
