import { join } from 'node:path';
import type { Effort, Reading } from '../method/measure';
import { runAll, runNode } from '../method/processes';
import type { Case } from '../recording/cases';
import type { RecordingJob } from '../recording/child';
import { CHILD } from '../recording/plan';
import { machine } from '../wire/machine';

/** What grows. */
export const QUESTIONS = ['handlers', 'streams', 'labels', 'items'] as const;
export type Question = (typeof QUESTIONS)[number];

export interface ScalingPlan {
  readonly rounds: number;
  readonly effort: Effort;
  /** How many there are, by what grows. */
  readonly at: Readonly<Record<Question, readonly number[]>>;
}

export const SCALING_PLAN: ScalingPlan = {
  rounds: 3,
  // Longer batches than those of recording: one has to call each of 10,000 handlers.
  effort: { pairs: 12, batchMs: 6, warmMs: 160 },
  at: {
    handlers: [1, 10, 100, 300, 1_000, 3_000, 10_000],
    streams: [1, 10, 100, 1_000, 10_000, 100_000],
    labels: [1, 10, 100, 200, 1_000, 10_000],
    items: [1, 10, 100, 1_000, 10_000],
  },
};

/** What is not the time of a call; each question has some of it. */
export interface Sizes {
  /** Bytes of the heap for each of what grows. */
  readonly heap?: number;
  /** CPU of a scrape in which every value has changed, in milliseconds. */
  readonly scrapeMs?: number;
  /** Series of the metric with the label. */
  readonly series?: number;
}

/** What was found where there are `at` of them, one reading a process. */
export interface Point {
  readonly at: number;
  readonly calls: readonly Reading[];
  readonly sizes: readonly Sizes[];
}

/** All of one run. */
export interface ScalingResult {
  readonly machine: Readonly<Record<string, string>>;
  readonly plan: ScalingPlan;
  readonly points: Readonly<Record<Question, readonly Point[]>>;
}

export interface SizesJob extends Record<string, unknown> {
  readonly question: Question;
  readonly at: number;
}

const PLAIN: Case = { name: 'scaling', shape: 'value', items: 'strings', count: 1, handlers: 1, inStorage: false };

/** The call that is measured where there are `at` of them. */
export const CASE_OF: Readonly<Record<Question, (at: number) => Case>> = {
  handlers: (at) => ({ ...PLAIN, handlers: at }),
  // It is opened, gives an item, and is left.
  streams: (at) => ({ ...PLAIN, shape: 'generator', count: 2, ends: 'cancel', open: at }),
  labels: (at) => ({ ...PLAIN, labelValues: at }),
  items: (at) => ({ ...PLAIN, shape: 'generator', count: at }),
};

/** Runs all of it. */
export function benchScaling(plan: ScalingPlan): ScalingResult {
  const keys = QUESTIONS.flatMap((question) => plan.at[question].map((at) => ({ question, at })));
  const calls = keys.map(({ question, at }) => callJob(question, at, plan.effort));
  const callReadings = [...runAll(CHILD, calls, plan.rounds).values()];
  const sizes: SizesJob[] = keys.filter(({ question }) => question !== 'items');
  // The heap is as large as Node makes it.
  const run = (script: string, job: SizesJob) => runNode<Sizes>(script, job, ['--expose-gc']);
  const sizeReadings = runAll(join(__dirname, 'process', 'child.js'), sizes, plan.rounds, run);
  const all = keys.map((key, i) => ({
    question: key.question,
    point: { at: key.at, calls: callReadings[i]!, sizes: sizeReadings.get(key) ?? [] },
  }));
  const of = (question: Question) => all.filter((one) => one.question === question).map(({ point }) => point);
  return {
    machine: machine(),
    plan,
    points: { handlers: of('handlers'), streams: of('streams'), labels: of('labels'), items: of('items') },
  };
}

/** A label is compared with the handler that is decorated without it, everything else with the bare one. */
function callJob(question: Question, at: number, effort: Effort): RecordingJob {
  const standard = { file: 'ours', key: 'standard' };
  const of = CASE_OF[question](at);
  if (question === 'labels') return { of, effort, base: standard, wrapped: { file: 'ours', key: 'customWithLabel' } };
  return { of, effort, base: { file: 'none', key: 'none' }, wrapped: standard };
}
