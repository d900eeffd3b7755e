import { randomUUID } from 'node:crypto';
import type { Cell } from '../metrics/instruments';
import { planeCapacity, planeSeries, type PlaneSeries } from '../metrics/plane-series';
import { type NamingOptions, resolveNaming } from '../metrics/standard';
import { bindBeforeScrape, currentStore, shared, unbindBeforeScrape } from '../metrics/store';

/**
 * Where one ingress records what belongs to the request plane and not to its handler. All ingresses of one naming write to the
 * same series. It binds late, as a `Recorder` does: to the registry that is current at a request or scrape.
 */
export class PlaneMetrics {
  readonly #scrapeKey = `plane ${randomUUID()}`;
  #naming: NamingOptions['naming'];
  #epoch = -1;
  #series: PlaneSeries | undefined;
  /** The limits of all doors of this ingress. */
  #capacity = 0;
  /** Where they are shown now, and how much of what is shown is theirs. */
  #shown: { readonly cell: Cell; readonly amount: number } | undefined;

  /** Takes these names from the next request or scrape on; undefined = those of the environment. */
  rename(naming: NamingOptions['naming']): void {
    if (naming === this.#naming) return;
    this.#naming = naming;
    this.#epoch = -1;
  }

  /** The series to write, made now if the current registry does not have them yet. */
  series(): PlaneSeries {
    if (this.#series && this.#epoch === shared.epoch) return this.#series;
    this.#series = planeSeries(currentStore(), resolveNaming({ naming: this.#naming }).naming);
    this.#epoch = shared.epoch;
    this.#showCapacity();
    return this.#series;
  }

  /** A door with a limit opened; the returned function, to be called once, says that it is closed. */
  addCapacity(limit: number): () => void {
    this.#changeCapacity(limit);
    return () => this.#changeCapacity(-limit);
  }

  #changeCapacity(by: number): void {
    this.#capacity += by;
    // A key of its own: another ingress of this address may take the place of this one, but not of its limit.
    if (this.#capacity > 0) bindBeforeScrape(this.#scrapeKey, () => void this.series());
    else unbindBeforeScrape(this.#scrapeKey);
    if (this.#epoch === shared.epoch) this.#showCapacity();
  }

  /** Takes back what was shown before, maybe in another registry, and shows what holds now. */
  #showCapacity(): void {
    if (this.#shown) this.#shown.cell.value -= this.#shown.amount;
    this.#shown = undefined;
    if (this.#capacity === 0) return;
    const cell = planeCapacity(currentStore(), resolveNaming({ naming: this.#naming }).naming);
    cell.value += this.#capacity;
    this.#shown = { cell, amount: this.#capacity };
  }
}
