import { escapeHelp, escapeLabelValue } from './escape';
import { canonicalText } from './numbers';

/** The formats of a scrape: Prometheus' text 0.0.4 and OpenMetrics 1.0. */
export type FormatName = 'text' | 'openmetrics';

/** What a format calls one family. */
export interface FamilyNames {
  readonly family: string;
  /** The name of a sample that has no name of its own. */
  readonly sample: string;
  readonly type: string;
}

/** What the two formats do differently; samples are written alike. */
export interface Format {
  readonly name: FormatName;
  /** Stands between two families. */
  readonly separator: string;
  /** Stands at the end of a scrape. */
  readonly end: string;
  /** Whether samples may carry exemplars. */
  readonly exemplars: boolean;
  /** What a metric is called. @param isTaken whether another metric of the registry has that name */
  names(name: string, type: string, isTaken: (name: string) => boolean): FamilyNames;
  /** The lines about a family, each with its newline. */
  header(names: FamilyNames, help: string): string;
  /** The value of a `le` or `quantile` label. */
  bound(value: string | number): string;
}

/** What `Registry.metrics()` of prom-client writes. */
export const TEXT: Format = {
  name: 'text',
  separator: '\n',
  end: '',
  exemplars: false,
  names: (name, type) => ({ family: name, sample: name, type }),
  header: ({ family, type }, help) => `# HELP ${family} ${escapeHelp(help)}\n# TYPE ${family} ${type}\n`,
  bound: String,
};

const OPENMETRICS_TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'info', 'stateset', 'gaugehistogram']);
const UNITS = /_(amperes|bytes|celsius|grams|joules|meters|ratio|seconds|volts)$/;

/**
 * OpenMetrics 1.0. A counter's family has no `_total`, its samples have. Where that would give a name which another metric has, the
 * counter is shown as `unknown` under the name it was registered with.
 */
export const OPENMETRICS: Format = {
  name: 'openmetrics',
  separator: '',
  end: '# EOF\n',
  exemplars: true,
  names(name, type, isTaken) {
    const unknown = { family: name, sample: name, type: 'unknown' };
    if (type !== 'counter') return OPENMETRICS_TYPES.has(type) ? { ...unknown, type } : unknown;
    const family = name.replace(/_total$/, '');
    const sample = `${family}_total`;
    const isClash = [family, sample, `${family}_created`].some((other) => other !== name && isTaken(other));
    return isClash ? unknown : { family, sample, type };
  },
  header({ family, type }, help) {
    const unit = UNITS.exec(family)?.[1];
    return (
      `# TYPE ${family} ${type}\n` +
      (unit === undefined ? '' : `# UNIT ${family} ${unit}\n`) +
      `# HELP ${family} ${escapeLabelValue(help)}\n`
    );
  },
  bound: canonicalText,
};

export const FORMATS: Readonly<Record<FormatName, Format>> = { text: TEXT, openmetrics: OPENMETRICS };
