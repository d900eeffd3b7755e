import type { Family } from './family';
import type { Vec } from './instruments';
import type { LabelLimit } from './label-limit';
import type { LabelValues } from './labels';
import type { MetricStore } from './store';

type Node<S> = Map<string, Node<S> | S>;

/**
 * One family with its constant labels given and its variable labels open. Series are found value by value in nested maps, so
 * no two sets of values can share a key, and each value passes its label's limit first.
 */
export class BoundVec<S extends { reset(): void }> implements Vec<S> {
  readonly #names: readonly string[];
  readonly #limits: readonly LabelLimit[];
  /** The bounded values of the call under way: kept, so that a look-up allocates nothing. */
  readonly #texts: string[] = [];
  readonly #root: Node<S> = new Map();

  /** `make` creates the series of a set of labels that was not seen before. */
  constructor(
    family: Family,
    private readonly constantLabels: LabelValues,
    store: MetricStore,
    private readonly make: (labels: Record<string, string>) => S,
  ) {
    const { name, labelNames } = family.definition;
    this.#names = labelNames;
    this.#limits = labelNames.map((label) => store.labelLimit(name, label));
  }

  labels(values: Readonly<Record<string, unknown>>): S {
    const names = this.#names;
    const last = names.length - 1;
    let node = this.#root;
    for (let i = 0; i <= last; i++) {
      const text = (this.#texts[i] = this.#limits[i]!.bound(values[names[i]!]));
      let next = node.get(text);
      if (!next) node.set(text, (next = i < last ? new Map<string, Node<S> | S>() : this.#create()));
      if (i === last) return next as S;
      node = next as Node<S>;
    }
    return this.make({ ...this.constantLabels });
  }

  #create(): S {
    const labels: Record<string, string> = { ...this.constantLabels };
    this.#names.forEach((name, i) => (labels[name] = this.#texts[i]!));
    return this.make(labels);
  }
}
