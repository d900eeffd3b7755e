import { isMainThread } from 'node:worker_threads';
import { handDown, settings, VARIABLES } from '../../config/settings';
import { log } from '../../internal/logger';
import { warn } from '../../internal/warning';
import { inPieces, type FamilySnapshot, takeSnapshot } from '../../metrics/aggregate/snapshot';
import { Deadline, TIMED_OUT } from '../../metrics/exposition/deadline';
import { Slices } from '../../metrics/exposition/slices';
import { getRegistryInSlices } from '../../metrics/store';
import { health } from '../health';
import { prepareScrape } from '../scrape-preparation';
import { greetPrimary, isClusterWorker, lineToPrimary, listenToClusterWorkers } from './cluster-lines';
import { Hub } from './hub';
import type { Line } from './line';
import type { Ask } from './message';
import { lineToMainThread, listenToThreads } from './thread-lines';

/** The share of its time that one who asks leaves to those who are asked. */
const TIME_SHARE = 0.8;

/** How long the one at the top may take to welcome a worker before that is worth a warning, in milliseconds. */
const WELCOME_MS = 5_000;

const NOBODY =
  'by DYN_SYSTEM_AGGREGATE_WORKERS the process or thread that started this one serves the metrics of both, but it does not answer. ' +
  'Call aggregateWorkers() there, or start it with --import profiled/register.';

/**
 * This process or thread among those that belong together. At the top is the one that started the others: the primary of a cluster, the
 * main thread. Each other one answers it, and asks it for the whole when it is scraped itself.
 */
export class Workers {
  readonly #hub = new Hub((ask) => this.#whole(ask));
  /** The way up; undefined at the top. */
  readonly #up: Line | undefined;
  #isActive = false;
  #workerLabel: string | undefined;

  constructor() {
    if (!isMainThread) this.#up = lineToMainThread((ask) => this.#own(ask));
    else if (isClusterWorker()) this.#up = lineToPrimary((ask) => this.#own(ask));
    if (this.#up) health.markStarted();
  }

  /** Whether a scrape shows all of them. */
  get isActive(): boolean {
    return this.#isActive;
  }

  get isTop(): boolean {
    return this.#up === undefined;
  }

  /** Leaves the system server to the one at the top, and warns if there is nobody who knows of this. */
  leaveToTop(): void {
    log.write('info', {}, 'the system server is left to the process or thread that started this one');
    const warnOfNobody = (): void => {
      if (!this.#up?.isHeard) warn(NOBODY, 'PROFILED_CONFIG_INVALID');
    };
    setTimeout(warnOfNobody, WELCOME_MS).unref();
  }

  /** Makes scrapes of this process or thread, and of those that it starts from now on, show all of them. */
  activate(workerLabel: string | undefined): void {
    this.#workerLabel = workerLabel;
    if (this.#isActive) return;
    this.#isActive = true;
    handDown(VARIABLES.aggregateWorkers, 'true');
    if (isMainThread) listenToThreads(this.#hub);
    if (isMainThread && !isClusterWorker()) listenToClusterWorkers(this.#hub);
    else if (isMainThread) greetPrimary();
  }

  /** The metrics of all. @throws an error if they can not be had from the one at the top in time */
  async collect(ask: Ask): Promise<readonly FamilySnapshot[]> {
    if (!this.#up) return this.#hub.collect(ask, this.#workerLabel);
    const deadline = new Deadline(ask.timeoutMs);
    const families = await deadline.race(this.#up.ask({ ...ask, timeoutMs: ask.timeoutMs * TIME_SHARE }));
    deadline.clear();
    if (families !== TIMED_OUT) return [...families.values()];
    throw new Error('the process or thread that this one was started by did not give the metrics of all in time');
  }

  /** What is asked from above: the metrics from here on downwards. */
  async *#own(asked: Ask): AsyncGenerator<readonly FamilySnapshot[]> {
    const { timeoutMs, names, processMetrics } = asked;
    const ask = { ...asked, timeoutMs: timeoutMs * TIME_SHARE };
    const registry = await getRegistryInSlices(new Slices());
    prepareScrape(registry, { health, settings: settings(), processMetrics });
    const options = { names: names && new Set(names), timeoutMs: ask.timeoutMs };
    yield* inPieces(
      this.#hub.isAlone ? await takeSnapshot(registry, options) : await this.#hub.collect(ask),
      new Slices(),
    );
  }

  /** What is asked from below: the metrics of all. */
  async *#whole(ask: Ask): AsyncGenerator<readonly FamilySnapshot[]> {
    prepareScrape(await getRegistryInSlices(new Slices()), {
      health,
      settings: settings(),
      processMetrics: ask.processMetrics,
    });
    yield* inPieces(await this.collect({ ...ask, timeoutMs: ask.timeoutMs * TIME_SHARE }), new Slices());
  }
}

const SHARED = Symbol.for('profiled/workers@1');

/** This process or thread among the others, for every copy of the package in it. From the first call on it answers. */
export function joinWorkers(): Workers {
  const workers = ((globalThis as Record<symbol, unknown>)[SHARED] ??= new Workers()) as Workers;
  const { aggregateWorkers, workerLabel } = settings().system;
  if (aggregateWorkers && !workers.isActive) workers.activate(workerLabel);
  return workers;
}
