/** How many times less than a peer ours has to cost. */
export interface Floor {
  readonly name: string;
  readonly atLeast: number;
  /** By how much two runs of the same program may differ. @default {@link MARGIN} */
  readonly margin?: number;
}

/** Floors that are measured together. */
export interface Suite {
  readonly floors: readonly Floor[];
  /** Measures anew what some of the floors need; how many times less ours costs, by the name of the floor. */
  measure(floors: readonly Floor[]): Ratios;
}

export type Ratios = Readonly<Record<string, number>>;

/** By how much two runs of the same program may differ in time, on a busy machine and from the one that recorded. */
export const MARGIN = 1.6;

/** How often a floor that was missed is measured again before it counts. */
export const RETRIES = 2;

/** The floor, or what was recorded less the margin where that does not clear the floor by the margin. */
export function limitOf({ name, atLeast, margin = MARGIN }: Floor, recorded: Ratios): number {
  return Math.min(atLeast, (recorded[name] ?? atLeast) / margin);
}

/** Measures all suites; says of each floor how it stands. False when one was missed each time. */
export function runGuard(suites: readonly Suite[], recorded: Ratios, say: (line: string) => void): boolean {
  return suites.map((suite) => runSuite(suite, recorded, say)).every(Boolean);
}

function runSuite(suite: Suite, recorded: Ratios, say: (line: string) => void): boolean {
  let missed = suite.floors;
  for (let attempt = 0; attempt <= RETRIES && missed.length > 0; attempt++) {
    const ratios = suite.measure(missed);
    missed = missed.filter((floor) => {
      const ratio = ratios[floor.name];
      if (ratio === undefined) throw new Error(`the floor "${floor.name}" was not measured`);
      const limit = limitOf(floor, recorded);
      const isMet = ratio >= limit;
      say(
        `${isMet ? 'ok    ' : 'MISSED'} ${floor.name}: ${ratio.toFixed(1)} times less; ` +
          `at least ${limit.toFixed(1)} (floor ${floor.atLeast}, recorded ${recorded[floor.name]?.toFixed(1) ?? 'never'})`,
      );
      return !isMet;
    });
  }
  return missed.length === 0;
}
