import type { Access } from '../config/access-files';
import type { Settings } from '../config/settings';
import type { FormatName } from '../metrics/exposition/format';
import { render } from '../metrics/exposition/render';
import { NAMING_SCHEMES, UPTIME_METRIC } from '../metrics/names';
import { addProcessMetrics } from '../metrics/process-metrics';
import { getRegistry, storeOf } from '../metrics/store';
import type { Health } from './health';
import { ScrapeBody } from './scrape-body';
import type { ScrapeLimits } from './scrape-limits';

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

  constructor(private readonly options: ScrapeOptions) {}

  /** The registry to scrape now, with the series of what is decorated. */
  registry(): Registry {
    return this.options.registry ?? getRegistry();
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
    this.#prepare(registry);
    const rendered = render(registry, { format, names, timeoutMs });
    const body = new ScrapeBody(rendered);
    this.#running.set(key, { registry, body });
    const forget = (): void => {
      if (this.#running.get(key)?.body === body) this.#running.delete(key);
    };
    rendered.then(forget, forget);
    return body.hold();
  }

  /** Sets the uptime, and adds the metrics of the process if they are wanted. */
  #prepare(registry: Registry): void {
    const { settings, health } = this.options;
    setUptime(registry, settings, health);
    if (settings.system.processMetrics) addProcessMetrics(registry);
  }
}

function setUptime(registry: Registry, settings: Settings, health: Health): void {
  const { prefix, uptimeLabels } = NAMING_SCHEMES[settings.metrics.naming];
  const { name, help } = UPTIME_METRIC;
  const definition = { name: prefix + name, help, labelNames: [], owner: 'profiled', aggregator: 'max' } as const;
  const family = storeOf(registry).familyOrUnregistered({ type: 'gauge', ...definition });
  const worker =
    settings.metrics.naming === 'dynamo' && health.workerId !== undefined ? { worker_id: health.workerId } : {};
  family.onlySeries({ ...uptimeLabels, ...worker }).set(health.uptimeSeconds());
}
