import type { Floor, Ratios, Suite } from '../method/guard';
import { Figures, FIGURES, type FigureName } from './figures';
import { type Cell, measureCells, PLANS } from './plan';
import { SLOWED, WRAPPERS } from './wrapper';

/** The form of ours that records what the peers record. */
export const STANDARD = 'ours';

interface RecordingFloor extends Floor {
  readonly figure: FigureName;
  readonly peer: 'prom' | 'otel';
}

const PEER_TITLES = { prom: "prom-client's usual style", otel: 'OpenTelemetry' } as const;

const floor = (figure: FigureName, peer: RecordingFloor['peer'], atLeast: number): RecordingFloor => ({
  name: `${FIGURES[figure].title}, ${PEER_TITLES[peer]}`,
  figure,
  peer,
  atLeast,
});

export const RECORDING_FLOORS: readonly RecordingFloor[] = [
  floor('value', 'prom', 20),
  floor('value', 'otel', 50),
  // A promise takes a `then` more, alone more than a fortieth of theirs: what was reached, for the guard to hold.
  floor('promise', 'prom', 12),
  floor('promise', 'otel', 33),
  floor('item', 'prom', 12),
  floor('json', 'prom', 6),
  floor('chunk', 'prom', 6),
  // Bytes are counted, not timed.
  { ...floor('itemBytes', 'prom', 9), margin: 1.1 },
];

/** What parts of ours may add, in nanoseconds. Time has no ratio that another machine would share, so the guard leaves them out. */
export const ADDITION_LIMITS: Readonly<Record<string, number>> = { custom: 30, 'custom-label': 80, guard: 60 };

/** What is aimed at beyond the floors, in nanoseconds of a quiet machine. */
export const AIMS: Partial<Record<FigureName, number>> = { value: 150, item: 60, json: 300 };

/** Whether one of these floors needs the cell. */
export function needs(floors: readonly RecordingFloor[]): (cell: Pick<Cell, 'wrapper' | 'of'>) => boolean {
  return ({ wrapper, of }) =>
    floors.some(
      ({ figure, peer }) =>
        [STANDARD, peer].includes(wrapper) && (FIGURES[figure].cases as readonly string[]).includes(of),
    );
}

/** How many times less ours costs, by the name of the floor. */
export function ratiosOf(
  cells: readonly Cell[],
  floors: readonly RecordingFloor[] = RECORDING_FLOORS,
  figures = new Figures(cells),
): Ratios {
  return Object.fromEntries(
    floors.flatMap(({ name, peer, figure }) => {
      const times = figures.times(STANDARD, peer, figure);
      return times === undefined ? [] : [[name, times]];
    }),
  );
}

/** What the guard watches of recording. `slowed` puts a slowed form in the place of ours, to prove that it is noticed. */
export function recordingSuite(slowed = false): Suite {
  const wrappers = WRAPPERS.map((one) => (slowed && one.name === STANDARD ? { ...SLOWED, name: STANDARD } : one));
  return {
    floors: RECORDING_FLOORS,
    measure(floors) {
      const chosen = RECORDING_FLOORS.filter((one) => floors.includes(one));
      return ratiosOf(measureCells(PLANS.guard, needs(chosen), wrappers), chosen);
    },
  };
}
