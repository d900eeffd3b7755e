import { settings } from '../config/settings';
import { ProfiledError, type ErrorType } from '../errors';
import { warn } from '../internal/warning';
import type { Cell, HistogramCell } from './instruments';
import { canonicalLabels, checkLabelNames, type LabelValues, NO_LABELS, show } from './labels';
import {
  ERROR_TYPE_LABEL,
  ERROR_TYPE_VALUES,
  INFERENCE_BUCKETS,
  LEVELS,
  type Naming,
  NAMING_SCHEMES,
  NAMINGS,
  OUTCOME_LABEL,
  REJECTION_LABEL,
  SIDE_LABEL,
  STANDARD_METRICS,
} from './names';
import type { MetricStore } from './store';

/** Where a handler stands; gives its metrics their labels. */
export interface EndpointAddress {
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
}

/** How the standard metrics of one handler are named and labelled. */
export interface NamingOptions {
  /** `plain` = the documented names; `dynamo` = those of today's Dynamo workers. @default DYN_METRICS_NAMING, else `plain` */
  readonly naming?: Naming;
  /** Put before every standard name, in place of the naming's own prefix. @default '' (plain), 'dynamo_component_' (dynamo) */
  readonly prefix?: string;
  /** Constant labels beside the three of the address; they may not repeat those. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /** Upper bounds in seconds of the duration histogram, ascending; `inference` adds bounds up to 600 s. @default 0.005 ... 10 */
  readonly buckets?: readonly number[] | 'inference';
}

/** {@link NamingOptions} after defaults and checks. */
export interface ResolvedNaming {
  readonly naming: Naming;
  readonly prefix: string;
  readonly labels: LabelValues;
  readonly buckets: readonly number[] | undefined;
}

/** Checks what can be checked without a registry. @throws PROFILED_CONFIG_INVALID, PROFILED_METRIC_INVALID */
export function checkNaming(options: NamingOptions): void {
  const { naming, prefix, labels, buckets } = options;
  if (naming !== undefined && !NAMINGS.includes(naming)) {
    throw new ProfiledError('PROFILED_CONFIG_INVALID', `\`naming\` must be 'plain' or 'dynamo', got ${show(naming)}`);
  }
  if (prefix !== undefined && !(typeof prefix === 'string' && /^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/.test(prefix))) {
    throw new ProfiledError(
      'PROFILED_CONFIG_INVALID',
      `\`prefix\` must be text that can begin a metric name, such as 'service_', got ${show(prefix)}`,
    );
  }
  const taken = [...Object.values(NAMING_SCHEMES.plain.labels), ...Object.values(NAMING_SCHEMES.dynamo.labels)];
  checkLabelNames('the standard set', Object.keys(labels ?? {}), [
    ...taken,
    ERROR_TYPE_LABEL,
    OUTCOME_LABEL,
    SIDE_LABEL,
    REJECTION_LABEL,
  ]);
  if (buckets !== undefined) resolveBuckets(buckets);
}

/** The bounds as numbers. @throws PROFILED_CONFIG_INVALID unless they are finite and ascending, at least one */
export function resolveBuckets(buckets: readonly number[] | 'inference'): readonly number[] {
  if (buckets === 'inference') return INFERENCE_BUCKETS;
  const bounds: readonly unknown[] = Array.isArray(buckets) ? (buckets as unknown[]) : [];
  const ascending = bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || buckets[i]! > buckets[i - 1]!));
  if (bounds.length === 0 || !ascending) {
    throw new ProfiledError(
      'PROFILED_CONFIG_INVALID',
      "`buckets` must be finite numbers in ascending order without +Inf, or 'inference', got " +
        (Array.isArray(buckets) ? `[${bounds.join(', ')}]` : show(buckets)),
    );
  }
  return [...buckets];
}

/** Fills in what was left out from the environment and the naming. */
export function resolveNaming(options: NamingOptions): ResolvedNaming {
  const naming = options.naming ?? settings().metrics.naming;
  return {
    naming,
    prefix: options.prefix ?? NAMING_SCHEMES[naming].prefix,
    labels: options.labels ?? NO_LABELS,
    buckets: options.buckets === undefined ? undefined : resolveBuckets(options.buckets),
  };
}

/**
 * The labels that `address` gives, as `naming` spells them. Levels that are not known are left out. Dynamo makes identifiers of
 * the names (`my-ns` is `my_ns` in its metrics, 1.1 and later), so the `dynamo` naming does too.
 */
export function addressLabels(address: Partial<EndpointAddress>, naming: Naming): Record<string, string> {
  const names = NAMING_SCHEMES[naming].labels;
  const labels: Record<string, string> = {};
  for (const level of LEVELS) {
    const name = address[level];
    if (name !== undefined) labels[names[level]] = naming === 'dynamo' ? identifier(name) : name;
  }
  return labels;
}

function identifier(name: string): string {
  const text = name.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^__+/, '');
  return /^[0-9]/.test(text) ? `_${text}` : text;
}

/** How the standard series of one handler are called: all that a query for them has to know. */
export interface StandardSet {
  readonly naming: Naming;
  readonly prefix: string;
  /** Those of the address and the constant ones, as a scrape shows them. */
  readonly labels: LabelValues;
  /** Upper bounds of the duration histogram in seconds, without +Inf. */
  readonly bounds: readonly number[];
}

/** The standard series of one handler: resolved once, then written as plain fields. */
export interface StandardSeries {
  readonly requests: Cell;
  readonly duration: HistogramCell;
  readonly inflight: Cell;
  readonly requestBytes: Cell;
  readonly responseBytes: Cell;
  readonly cancellations: Cell;
  readonly errors: Readonly<Record<ErrorType, Cell>>;
}

/**
 * The standard series for `address` in `store`, made at 0 when they are new; the same address, names and labels give the same
 * series. A name that something else holds costs that one metric, with an error in the log: recording goes on.
 */
export function standardSeries(store: MetricStore, address: EndpointAddress, options: ResolvedNaming): StandardSeries {
  const scheme = NAMING_SCHEMES[options.naming];
  const labels = canonicalLabels({ ...options.labels, ...addressLabels(address, options.naming) });
  const family = <K extends keyof typeof STANDARD_METRICS>(key: K) => {
    const { name = scheme.inflight, ...spec } = STANDARD_METRICS[key];
    const buckets = spec.type === 'histogram' ? scheme.buckets : undefined;
    return store.familyOrUnregistered({
      labelNames: [],
      owner: 'profiled',
      ...spec,
      buckets,
      name: options.prefix + name,
    });
  };
  // In the order of the table, which is the order of the scrape.
  const cancellations = family('cancellations').series(labels);
  const inflight = family('inflight').series(labels);
  const errorFamily = family('errors');
  const errors = ERROR_TYPE_VALUES.map((type) => [type, errorFamily.series({ ...labels, [ERROR_TYPE_LABEL]: type })]);
  const requestBytes = family('requestBytes').series(labels);
  const durations = family('duration');
  const duration = durationSeries(durations.series(labels, options.buckets), labels, options.buckets);
  const { naming, prefix } = options;
  store.standardNames.set(durations, { naming, prefix });
  return {
    cancellations,
    inflight,
    errors: Object.fromEntries(errors) as Record<ErrorType, Cell>,
    requestBytes,
    duration,
    requests: family('requests').series(labels),
    responseBytes: family('responseBytes').series(labels),
  };
}

/** Two handlers at one address share their histogram, and so its bounds: those that came second are told of, not dropped silently. */
function durationSeries(cell: HistogramCell, labels: LabelValues, asked: readonly number[] | undefined): HistogramCell {
  if (asked && asked.join() !== cell.bounds.join()) {
    const text = `buckets [${asked.join(', ')}] are not used for ${JSON.stringify(labels)}: another handler of that address set [${cell.bounds.join(', ')}]`;
    warn(text, 'PROFILED_METRIC_CONFLICT');
  }
  return cell;
}
