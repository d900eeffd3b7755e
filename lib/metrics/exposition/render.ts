import type { Registry } from 'prom-client';
import { collectFrom, type CollectOptions, defaultLabelsOf, isLive, type Part } from './collect';
import { type Format, FORMATS, type FormatName } from './format';
import type { Labels } from './labels-text';
import { familyTextOf } from './live/family-text';
import { Output, type Rendered } from './output';
import { samplesText } from './samples-text';
import { isOurs, ScrapeFailures } from './scrape-failures';
import { Slices } from './slices';

/** Options of {@link render}. */
export interface RenderOptions extends CollectOptions {
  /** @default 'text' */
  readonly format?: FormatName;
  /** @default slices of 2 ms */
  readonly slices?: Slices;
}

/**
 * Every metric of `registry` in one of the two formats, in chunks. In the text format 0.0.4 that is byte for byte what
 * `registry.metrics()` writes, except that
 *
 * - a metric that fails or takes too long costs only itself: it is logged and counted in `profiled_scrape_errors_total`;
 * - counters have the names they were registered with, whatever an OpenMetrics scrape did to them;
 * - labels of this package's families are in alphabetical order, `le` and `quantile` last;
 * - the format is the one asked for even if the registry's content type is another; a value that is no number is `NaN`.
 *
 * Nothing of the registry is changed but that counter. The event loop turns every few milliseconds meanwhile, so two families may
 * be of two moments; one histogram never is. Never rejects because of a metric.
 */
export async function render(registry: Registry, options: RenderOptions = {}): Promise<Rendered> {
  const failures = new ScrapeFailures(registry);
  const slices = options.slices ?? new Slices();
  const scrape = new Scrape(registry, FORMATS[options.format ?? 'text'], slices);
  const parts = await collectFrom(registry, failures, options);
  slices.restart();
  return scrape.write(parts, failures);
}

/** The same as one text. */
export async function renderText(registry: Registry, options?: RenderOptions): Promise<string> {
  const { chunks, release } = await render(registry, options);
  const text = Buffer.concat(chunks).toString();
  release();
  return text;
}

/** One scrape at work. */
class Scrape {
  readonly #output = new Output();
  readonly #defaultLabels: Labels;

  constructor(
    private readonly registry: Registry,
    private readonly format: Format,
    private readonly slices: Slices,
  ) {
    this.#defaultLabels = defaultLabelsOf(registry);
  }

  /** What others have collected is written first, because that can fail; the counter of failures is in what comes after. */
  async write(parts: readonly Part[], failures: ScrapeFailures): Promise<Rendered> {
    const texts: (Buffer | undefined)[] = [];
    for (const part of parts) texts.push(await this.#collectedText(part, failures));
    let isFirst = true;
    for (const [i, part] of parts.entries()) {
      const text = texts[i];
      if (!text && part.collected) continue;
      if (!isFirst) this.#output.append(Buffer.from(this.format.separator));
      isFirst = false;
      if (text) this.#output.append(text);
      else await this.#writeLive(part);
    }
    this.#output.append(Buffer.from(this.format.end));
    return this.#output.finish();
  }

  async #collectedText({ name, metric, collected }: Part, failures: ScrapeFailures): Promise<Buffer | undefined> {
    if (!collected) return undefined;
    try {
      // Only counters are ever renamed; any other metric may well call its family something else than itself.
      const family = metric.type === 'counter' ? name : collected.name;
      const style = { ...this.#style(family, collected.type), sortLabels: metric.sortLabels ?? isOurs(metric) };
      return await samplesText({ ...collected, name: family }, style, this.slices);
    } catch (error) {
      failures.count(name, 'error', error);
      return undefined;
    }
  }

  async #writeLive({ name, metric }: Part): Promise<void> {
    if (isLive(metric)) await familyTextOf(metric, this.#style(name, metric.type)).write(this.#output, this.slices);
  }

  #style(name: string, type: unknown) {
    const isTaken = (other: string) => (this.registry.getSingleMetric(other) as unknown) !== undefined;
    const { format } = this;
    return { names: format.names(name, String(type), isTaken), format, defaultLabels: this.#defaultLabels };
  }
}
