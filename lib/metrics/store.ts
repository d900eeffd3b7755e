import { register as defaultRegister, type Registry, type Metric } from 'prom-client';
import { messageOf, ProfiledError } from '../errors';
import { log } from '../internal/logger';
import { warn } from '../internal/warning';
import {
  createFamily,
  type DefinitionOf,
  type Family,
  type FamilyDefinition,
  type FamilyHost,
  type FamilyOf,
  type HistogramFamily,
  type MetricType,
} from './family';
import type { Slices } from './exposition/slices';
import { LabelLimit } from './label-limit';
import { NO_LABELS, show } from './labels';
import { type DropReason, type ScrapeErrorReason, SELF_METRICS } from './names';
import type { StandardSet } from './standard';

/** How long a scrape waits for one update callback, in milliseconds. */
export const UPDATE_CALLBACK_TIMEOUT_MS = 1_000;

/** Our families in one prom-client `Registry`: get-or-create, update callbacks, and what the library counts of itself. */
export class MetricStore implements FamilyHost {
  readonly #families = new Map<string, Family>();
  /** Families whose name something else holds; they stand in no registry. */
  readonly #strays = new Map<string, Family>();
  /** How the standard sets are named whose durations a family holds. */
  readonly standardNames = new Map<HistogramFamily, Pick<StandardSet, 'naming' | 'prefix'>>();
  readonly #updates = new Set<() => void | Promise<void>>();
  readonly #limits = new Map<string, LabelLimit>();
  readonly #dropsLogged = new Set<string>();
  #refreshing: Promise<void> | undefined;

  constructor(readonly registry: Registry) {}

  /** The family of that name, registered when it is new. @throws PROFILED_METRIC_CONFLICT if the name stands for something else */
  family<T extends MetricType>(definition: DefinitionOf<T>): FamilyOf<T> {
    const { name } = definition;
    const known = this.#families.get(name);
    if (known && describe(known.definition) !== describe(definition)) {
      throw conflict(definition, describe(known.definition));
    }
    const family = known ?? createFamily(definition, this);
    if (this.registry.getSingleMetric(name) !== (family as unknown)) this.#register(family);
    this.#families.set(name, family);
    return family as FamilyOf<T>;
  }

  /** The same, but where the name is taken the family stays outside of the registry and the log says so: never throws. */
  familyOrUnregistered<T extends MetricType>(definition: DefinitionOf<T>): FamilyOf<T> {
    try {
      return this.family(definition);
    } catch (error) {
      let stray = this.#strays.get(definition.name);
      if (!stray) {
        warn(`${messageOf(error)} Until then it is missing from the scrape.`, 'PROFILED_METRIC_CONFLICT');
        this.#strays.set(definition.name, (stray = createFamily(definition, this)));
      }
      return stray as FamilyOf<T>;
    }
  }

  /** Every standard set that was asked for. */
  get standardSets(): StandardSet[] {
    return [...this.standardNames].flatMap(([{ all }, names]) =>
      all.map(({ labels, bounds }) => ({ ...names, labels, bounds })),
    );
  }

  /** Puts back what `Registry.clear()` took out: its handlers are still recording, and no count is lost. */
  restore(): void {
    for (const family of this.#families.values()) {
      if (this.registry.getSingleMetric(family.name) === undefined)
        this.registry.registerMetric(family as unknown as Metric);
    }
  }

  /** Runs `callback` before each scrape, to refresh gauges. The returned function takes it out again. */
  addUpdateCallback(callback: () => void | Promise<void>): () => void {
    this.#updates.add(callback);
    return () => void this.#updates.delete(callback);
  }

  refresh(): Promise<void> | undefined {
    if (this.#updates.size === 0) return undefined;
    return (this.#refreshing ??= this.#runUpdates());
  }

  drop(metric: string, reason: DropReason, cause?: unknown): void {
    this.droppedSamples(metric, reason).value += 1;
    const key = `${metric} ${reason}`;
    if (this.#dropsLogged.has(key)) return;
    this.#dropsLogged.add(key);
    log.write('warn', { metric, reason, err: cause }, 'a sample was dropped; later ones are only counted');
  }

  /** The counter of samples of `metric` that were dropped for `reason`. */
  droppedSamples(metric: string, reason: DropReason) {
    return this.#self('droppedSamples').series({ metric, reason });
  }

  /** The counter of samples of `metric` whose `label` had too many values. */
  labelOverflow(metric: string, label: string) {
    return this.#self('labelOverflow').series({ metric, label });
  }

  /** The one limit on the values of `label` of `metric`, whoever sets it. */
  labelLimit(metric: string, label: string): LabelLimit {
    const key = `${metric} ${label}`;
    let limit = this.#limits.get(key);
    if (!limit) this.#limits.set(key, (limit = new LabelLimit(this.labelOverflow(metric, label))));
    return limit;
  }

  /** The counter of what a scrape had to leave out. */
  scrapeErrors(reason: ScrapeErrorReason) {
    return this.#self('scrapeErrors').series({ reason });
  }

  /** What scrapes of this registry say of themselves; in the registry from the first call on. */
  scrapes() {
    const [duration, inFlight] = [this.#self('scrapeDuration'), this.#self('scrapesInFlight')];
    return { duration: duration.series(NO_LABELS), inFlight: inFlight.series(NO_LABELS) };
  }

  #self<K extends keyof typeof SELF_METRICS>(which: K): FamilyOf<(typeof SELF_METRICS)[K]['type']> {
    const { labels: labelNames, ...metric } = SELF_METRICS[which];
    return this.familyOrUnregistered({ ...metric, labelNames, owner: 'profiled' });
  }

  #register(family: Family): void {
    const foreign: object | undefined = this.registry.getSingleMetric(family.name);
    if (foreign)
      throw conflict(family.definition, `a ${foreign.constructor.name} that was registered outside of profiled`);
    family.reset();
    this.registry.registerMetric(family as unknown as Metric);
  }

  async #runUpdates(): Promise<void> {
    await Promise.all([...this.#updates].map((update) => this.#runUpdate(update)));
    this.#refreshing = undefined;
  }

  async #runUpdate(update: () => void | Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      const limit = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('it took too long')), UPDATE_CALLBACK_TIMEOUT_MS);
        timer.unref();
      });
      await Promise.race([update(), limit]);
    } catch (error) {
      this.scrapeErrors('error').value += 1;
      log.write('error', { err: error }, `an update callback failed: ${messageOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

function describe({ type, help, labelNames, buckets, owner }: FamilyDefinition): string {
  const parts = [`a ${type} with help ${JSON.stringify(help)}`, `labels [${[...labelNames].sort().join(', ')}]`];
  if (buckets) parts.push(`buckets [${buckets.join(', ')}]`);
  if (owner) parts.push(`kept by ${owner} itself`);
  return parts.join(', ');
}

function conflict(asked: FamilyDefinition, present: string): ProfiledError {
  return new ProfiledError(
    'PROFILED_METRIC_CONFLICT',
    `metric \`${asked.name}\` was asked for as ${describe(asked)}, but it already is ${present}. ` +
      'Give one of the two another name, or set a `prefix`.',
  );
}

interface SharedState {
  registry: Registry;
  /** Grows with each change of the registry, so that a binding can tell that it is out of date by comparing two numbers. */
  epoch: number;
  readonly stores: WeakMap<Registry, MetricStore>;
  /** What wants to have its series before the first scrape of a registry. */
  readonly pending: Map<string, () => void>;
  /** Those of them that have not been run since they were noted, or since the registry changed. */
  readonly unbound: Set<string>;
  /** The epoch that `unbound` is of. */
  boundEpoch: number;
}

const SHARED = Symbol.for('profiled/registry@1');

/** The state that every copy of this package in the process shares. */
export const shared: SharedState = ((globalThis as Record<symbol, unknown>)[SHARED] ??= {
  registry: defaultRegister,
  epoch: 0,
  stores: new WeakMap(),
  pending: new Map(),
  unbound: new Set(),
  boundEpoch: 0,
} satisfies SharedState) as SharedState;

/** Our families in `registry`, one store for each registry of the process. */
export function storeOf(registry: Registry): MetricStore {
  let store = shared.stores.get(registry);
  if (!store) shared.stores.set(registry, (store = new MetricStore(registry)));
  return store;
}

/** The store of the registry that is current now. */
export function currentStore(): MetricStore {
  return storeOf(shared.registry);
}

/**
 * Makes `registry` the current one: calls that begin from now on are recorded there, and so are all scrapes.
 * @throws PROFILED_CONFIG_INVALID when it is none
 */
export function useRegistry(registry: Registry): void {
  if (typeof (registry as Partial<Registry> | undefined)?.registerMetric !== 'function') {
    throw new ProfiledError(
      'PROFILED_CONFIG_INVALID',
      `useRegistry needs a prom-client Registry, got ${show(registry)}`,
    );
  }
  if (registry === shared.registry) return;
  shared.registry = registry;
  shared.epoch += 1;
}

/**
 * The shared registry, prom-client's default one unless {@link useRegistry} said otherwise, with the series of every decorated
 * handler in it, at 0 where nothing happened yet.
 */
export function getRegistry(): Registry {
  currentStore().restore();
  for (const key of unboundKeys()) bindNow(key);
  return shared.registry;
}

/** The same, but the event loop turns while the series of many handlers are made. */
export async function getRegistryInSlices(slices: Slices): Promise<Registry> {
  // Again, since another registry may have become the current one meanwhile.
  while (unboundKeys().size > 0) {
    for (const key of unboundKeys()) {
      bindNow(key);
      if (slices.isOver) await slices.next();
    }
  }
  return getRegistry();
}

/** What has yet to be bound to the current registry. */
function unboundKeys(): Set<string> {
  if (shared.boundEpoch !== shared.epoch) {
    for (const key of shared.pending.keys()) shared.unbound.add(key);
    shared.boundEpoch = shared.epoch;
  }
  return shared.unbound;
}

function bindNow(key: string): void {
  shared.pending.get(key)?.();
  shared.unbound.delete(key);
}

/**
 * Notes that `bind` should run before the next scrape, and again when another registry has become the current one. The same key
 * replaces what was noted before: hot reload stays bounded.
 */
export function bindBeforeScrape(key: string, bind: () => void): void {
  shared.pending.set(key, bind);
  shared.unbound.add(key);
}

/** Takes back what was noted under `key`; its series stay where they are. */
export function unbindBeforeScrape(key: string): void {
  shared.pending.delete(key);
  shared.unbound.delete(key);
}
