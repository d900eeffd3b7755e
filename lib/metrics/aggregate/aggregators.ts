/** What prom-client's words make of two values of two processes. `average` adds up and is divided at the end. */
const COMBINE = {
  sum: (a: number, b: number) => a + b,
  average: (a: number, b: number) => a + b,
  first: (a: number) => a,
  min: Math.min,
  max: Math.max,
} as const;

export type Aggregator = keyof typeof COMBINE;

/** Whether it is a word for values that are shown; `omit` is the sixth one. */
export function isAggregator(word: string): word is Aggregator {
  return Object.hasOwn(COMBINE, word);
}

/** Takes `values` into `into`, place by place. */
export function combine(aggregator: Aggregator, into: number[], values: readonly number[]): void {
  const two = COMBINE[aggregator];
  for (let i = 0; i < into.length; i++) into[i] = two(into[i]!, values[i]!);
}
