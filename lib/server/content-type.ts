import type { FormatName } from '../metrics/exposition/format';
import { type Preference, preferences } from './accept';

/** A format and how an answer names it. */
export interface ContentType {
  readonly format: FormatName;
  readonly header: string;
}

interface Offer extends ContentType {
  readonly type: string;
  /** Values of the parameter `version` that ask for it; without that parameter it is asked for too. */
  readonly version: string;
}

const TEXT: Offer = offer('text', 'text/plain', '0.0.4');
const OPENMETRICS = [
  offer('openmetrics', 'application/openmetrics-text', '1.0.0'),
  offer('openmetrics', 'application/openmetrics-text', '0.0.1'),
];

function offer(format: FormatName, type: string, version: string): Offer {
  return { format, type, version, header: `${type}; version=${version}; charset=utf-8` };
}

/**
 * What to answer to an `Accept` header: OpenMetrics if it is named and the text format is not wanted more, else the text format,
 * also to browsers, to `*`/`*`, and to a client that takes neither. Parameters other than `version`, such as `escaping`, change nothing.
 */
export function chooseContentType(accept: string | undefined): ContentType {
  const wanted = preferences(accept);
  const text = weightOf(TEXT, wanted);
  const [best] = OPENMETRICS.filter((candidate) => wanted.some((preference) => names(preference, candidate)))
    .map((candidate) => ({ candidate, weight: weightOf(candidate, wanted) }))
    .sort((a, b) => b.weight - a.weight);
  return best && best.weight > 0 && best.weight >= text ? best.candidate : TEXT;
}

/** The weight that the most specific matching element gives; 0 if none matches. */
function weightOf(candidate: Offer, wanted: readonly Preference[]): number {
  const matching = wanted.filter((preference) => matches(preference, candidate));
  const [first] = matching.sort((a, b) => specificity(b) - specificity(a) || b.weight - a.weight);
  return first?.weight ?? 0;
}

function matches(preference: Preference, candidate: Offer): boolean {
  const group = candidate.type.replace(/\/.*/, '/*');
  return preference.value === '*/*' || preference.value === group || names(preference, candidate);
}

function names({ value, parameters }: Preference, { type, version }: Offer): boolean {
  return value === type && (parameters.get('version') ?? version) === version;
}

function specificity({ value, parameters }: Preference): number {
  if (value === '*/*') return 0;
  return value.endsWith('/*') ? 1 : parameters.has('version') ? 3 : 2;
}
