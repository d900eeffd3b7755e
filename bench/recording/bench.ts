import { machine } from '../wire/machine';
import { profile, type SelfTime } from '../method/cpu-profile';
import { packageVersions } from '../method/packages';
import { needs, RECORDING_FLOORS } from './floors';
import { type Cell, CHILD, jobOf, measureAdditions, measureCells, measureInOwnSpace, type Plan } from './plan';
import { WRAPPERS } from './wrapper';

/** All of one run. */
export interface Result {
  readonly machine: Readonly<Record<string, string>>;
  /** Versions of what is compared. */
  readonly packages: Readonly<Record<string, string>>;
  readonly plan: Plan;
  readonly cells: readonly Cell[];
  /** Those of the floors, with the new space that Node gives a process by itself; their bytes say nothing. */
  readonly ownSpace: readonly Cell[];
  readonly additions: readonly Cell[];
  /** Where the time of ours goes, by case. */
  readonly profiles: Readonly<Record<string, readonly SelfTime[]>>;
}

const PROFILED_CASES = ['value', 'gen256', 'chat16'];
const PROFILE_EFFORT = { pairs: 150, batchMs: 10, warmMs: 400 };

/** Runs all of it. */
export function benchRecording(plan: Plan): Result {
  return {
    machine: machine(),
    packages: packageVersions(),
    plan,
    // The control as often as what is judged by it.
    cells: measureCells(plan, (cell) => cell.wrapper === 'none' || needs(RECORDING_FLOORS)(cell)),
    ownSpace: measureInOwnSpace(plan, needs(RECORDING_FLOORS)),
    additions: measureAdditions(plan),
    profiles: Object.fromEntries(PROFILED_CASES.map((of) => [of, profileOurs(of)])),
  };
}

/** Both sides are ours, so that nothing else is in the profile. */
function profileOurs(of: string): SelfTime[] {
  const ours = WRAPPERS[0]!;
  return profile(CHILD, jobOf(ours, of, PROFILE_EFFORT, ours)).slice(0, 12);
}
