import type { Access } from '../config/access-files';
import type { Settings } from '../config/settings';
import type { FormatName } from '../metrics/exposition/format';
import { render, type RenderOptions } from '../metrics/exposition/render';
import { Slices } from '../metrics/exposition/slices';
import { registryOf } from '../metrics/aggregate/present';
import type { Rendered } from '../metrics/exposition/output';
import { getRegistry, getRegistryInSlices } from '../metrics/store';
import type { Health } from './health';
import { ScrapeBody } from './scrape-body';
import type { ScrapeLimits } from './scrape-limits';
import { prepareScrape } from './scrape-preparation';
import { joinWorkers, type Workers } from './workers/workers';

type Registry = ReturnType<typeof getRegistry>;

/** The share of Prometheus' own time limit that collecting may take; the rest is for the way there and back. */
const TIMEOUT_SHARE = 0.8;

/** What a scrape needs to know. */
export interface ScrapeOptions {
  /** @default the shared one, whichever is current when the scrape begins */
  readonly registry?: Registry | undefined;
  readonly health: Health;
  readonly settings: Settings;
  readonly limits: Required<ScrapeLimits>;
  readonly access: Access;
}

/** What one request asks for. */
export interface Asked {
  readonly format: FormatName;
  /** Only these metrics; undefined = all. */
  readonly names: ReadonlySet<string> | undefined;
  /** Prometheus' time limit in seconds, NaN if it told none. */
  readonly limitSeconds: number;
}

/** Collects for requests: those that ask for the same while it is under way get the same. */
export class Scraper {
  readonly #running = new Map<string, { readonly registry: Registry; readonly body: ScrapeBody }>();
  readonly #workers: Workers;

  constructor(private readonly options: ScrapeOptions) {
    this.#workers = joinWorkers();
  }

  /** The registry to scrape now, with the series of what is decorated. */
  async registry(): Promise<Registry> {
    return this.options.registry ?? (await getRegistryInSlices(new Slices()));
  }

  /** A scrape of `registry`, held for the caller. */
  scrape(registry: Registry, { format, names, limitSeconds }: Asked): ScrapeBody {
    const { collectTimeoutMs } = this.options.limits;
    const limitMs = limitSeconds > 0 ? limitSeconds * 1_000 * TIMEOUT_SHARE : Infinity;
    const timeoutMs = Math.min(collectTimeoutMs, limitMs);
    // The limit is part of the key: a scrape that has less time may not wait for one that has more.
    const key = JSON.stringify([format, timeoutMs, names && [...names].sort()]);
    const running = this.#running.get(key);
    if (running?.registry === registry) return running.body.hold();
    const rendered = this.#render(registry, { format, names, timeoutMs });
    const body = new ScrapeBody(rendered);
    this.#running.set(key, { registry, body });
    const forget = (): void => {
      if (this.#running.get(key)?.body === body) this.#running.delete(key);
    };
    rendered.then(forget, forget);
    return body.hold();
  }

  /** Of the shared registry what all processes and threads have in theirs, if that is wanted; any other one is of this one alone. */
  async #render(registry: Registry, options: RenderOptions & { readonly timeoutMs: number }): Promise<Rendered> {
    const { health, settings } = this.options;
    const { processMetrics } = settings.system;
    prepareScrape(registry, { health, settings, processMetrics });
    if (!this.#workers.isActive || registry !== getRegistry()) return render(registry, options);
    const { format, names, timeoutMs } = options;
    const families = await this.#workers.collect({ timeoutMs, names: names && [...names].sort(), processMetrics });
    const slices = new Slices();
    return render(await registryOf(families, slices), { format, names, slices });
  }
}
