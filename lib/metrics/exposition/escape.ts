/** A HELP text of the text format. */
export function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** A label's value, and a HELP text of OpenMetrics. */
export function escapeLabelValue(text: string): string {
  if (!/[\\\n"]/.test(text)) return text;
  return escapeHelp(text).replaceAll('"', '\\"');
}
