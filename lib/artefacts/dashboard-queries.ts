import { ProfiledError } from '../errors';
import { LEVELS } from '../metrics/names';
import type { StandardSet } from '../metrics/standard';
import { addressLabelNames, metricName, oneOf, type MetricKey } from './queries';

/** The variables that every query is narrowed by, beside the data source. */
export const VARIABLES = ['job', ...LEVELS] as const;

/** What a dashboard's queries select: the endpoints of all sets, which have one naming, narrowed by the dashboard's variables. */
export class DashboardQueries {
  readonly naming: StandardSet['naming'];
  /** Tells the lines of a panel apart. */
  readonly legend: string;
  /** The labels of an endpoint, as an aggregation lists them. */
  readonly by: string;
  /** The label behind each variable. */
  readonly #labels: readonly string[];
  readonly #sets: readonly StandardSet[];

  /** @throws PROFILED_CONFIG_INVALID for sets of two namings: their addresses stand in different labels */
  constructor(
    sets: readonly StandardSet[],
    private readonly job: string | undefined,
  ) {
    this.naming = sets[0]!.naming;
    if (sets.some(({ naming }) => naming !== this.naming)) {
      throw new ProfiledError(
        'PROFILED_CONFIG_INVALID',
        'the handlers use both namings, and a dashboard shows one. Load only the modules of one of them.',
      );
    }
    this.#sets = sets;
    const address = addressLabelNames(this.naming);
    this.#labels = ['job', ...address];
    this.by = address.join(', ');
    this.legend = address.map((label) => `{{${label}}}`).join('.');
  }

  /** A metric of the chosen endpoints. */
  metric(key: MetricKey, suffix = ''): string {
    return this.#select(key, suffix, [...this.#constant((label) => !this.#labels.includes(label)), ...this.#chosen()]);
  }

  /** The sum of its rates, for each endpoint; `more` keeps further labels. */
  rate(key: MetricKey, suffix = '', ...more: string[]): string {
    return this.sum(`rate(${this.metric(key, suffix)}[$__rate_interval])`, ...more);
  }

  sum(expression: string, ...more: string[]): string {
    return `sum by (${[this.by, ...more].join(', ')}) (${expression})`;
  }

  /** A metric of the process, which no endpoint narrows. */
  ofProcess(name: string, labels: Readonly<Record<string, string>> = {}): string {
    const given = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
    return `${name}{${[...given, ...this.#chosen(1)].join(',')}}`;
  }

  /** What a variable offers: values that our sets have, where they say which, narrowed by the variables before it. */
  labelValues(variable: (typeof VARIABLES)[number]): string {
    const i = VARIABLES.indexOf(variable);
    const job = this.job === undefined ? [] : [`job=${JSON.stringify(this.job)}`];
    const matchers = [...job, ...this.#constant(() => true), ...this.#chosen(i)];
    return `label_values(${this.#select('requests', '', matchers)}, ${this.#labels[i]})`;
  }

  /** That a label has one of the values chosen by its variable, for the first `count` variables. */
  #chosen(count: number = VARIABLES.length): string[] {
    return VARIABLES.slice(0, count).map((variable, i) => `${this.#labels[i]}=~"$${variable}"`);
  }

  /** That the labels which every set has, have the values that they have there. */
  #constant(wanted: (label: string) => boolean): string[] {
    const labels = Object.keys(this.#sets[0]!.labels).filter((label) =>
      this.#sets.every((set) => set.labels[label] !== undefined),
    );
    return labels.filter(wanted).map((label) => {
      const values = [...new Set(this.#sets.map((set) => set.labels[label]!))];
      return values.length > 1 ? `${label}=~${JSON.stringify(oneOf(values))}` : `${label}=${JSON.stringify(values[0])}`;
    });
  }

  #select(key: MetricKey, suffix: string, matchers: readonly string[]): string {
    const names = [...new Set(this.#sets.map((set) => metricName(set, key) + suffix))];
    const isOne = names.length === 1;
    const all = isOne ? matchers : [`__name__=~${JSON.stringify(oneOf(names))}`, ...matchers];
    return `${isOne ? names[0] : ''}${all.length > 0 ? `{${all.join(',')}}` : ''}`;
  }
}
