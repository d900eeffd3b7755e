const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['_sum', '_count'],
};

/** Whether a filter lets a metric through: it holds the metric's name, that of its OpenMetrics family, or of one of its samples. */
export function isWanted(names: ReadonlySet<string> | undefined, name: string, type: unknown): boolean {
  if (!names || names.has(name)) return true;
  if (type === 'counter' && names.has(name.replace(/_total$/, ''))) return true;
  return (SUFFIXES[String(type)] ?? []).some((suffix) => names.has(name + suffix));
}
