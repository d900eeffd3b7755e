import { spread, type Spread } from '../wire/statistics';
import type { Cell } from './plan';
import { WRAPPERS } from './wrapper';

/** What is compared: a call, what an item adds to a stream, and what is allocated for it. */
export const FIGURES = {
  value: { title: 'a value call', cases: ['value'], isBytes: false },
  promise: { title: 'a promise call', cases: ['promise'], isBytes: false },
  item: { title: 'a string item', cases: ['gen256', 'gen1'], isBytes: false },
  json: { title: 'a small JSON item', cases: ['json16'], isBytes: false },
  chunk: { title: 'a chat chunk', cases: ['chat16'], isBytes: false },
  itemBytes: { title: 'bytes for an item', cases: ['gen256', 'gen1'], isBytes: true },
} as const;
export type FigureName = keyof typeof FIGURES;

const SLOWING = new Set(WRAPPERS.filter(({ slowsAll }) => slowsAll).map(({ name }) => name));

/** The arithmetic over all cells of a run. */
export class Figures {
  readonly #cells: readonly Cell[];
  readonly #isPooled: boolean;

  /** `isPooled` takes one bare time for all; else each wrapper has that of its own processes, for where they are not alike. */
  constructor(cells: readonly Cell[], isPooled = true) {
    this.#cells = cells;
    this.#isPooled = isPooled;
  }

  cell(wrapper: string, of: string): Cell | undefined {
    return this.#cells.find((cell) => cell.wrapper === wrapper && cell.of === of);
  }

  /** Nanoseconds of the bare call: the median of all processes that ran it. */
  bareNs(of: string): number {
    const cells = this.#cells.filter((cell) => cell.of === of && !SLOWING.has(cell.wrapper));
    return spread(cells.flatMap(({ readings }) => readings.map(({ baseNs }) => baseNs))).median;
  }

  /** Wrapped over bare, over the processes. */
  ratio(wrapper: string, of: string): Spread | undefined {
    const cell = this.cell(wrapper, of);
    return cell && spread(cell.readings.map(({ ratio }) => ratio));
  }

  /** What the wrapper adds to a call in nanoseconds: from the ratio, since nanoseconds of two processes can not be compared. */
  overheadNs(wrapper: string, of: string): number | undefined {
    const cell = this.cell(wrapper, of);
    if (!cell) return undefined;
    const bareNs = this.#isPooled ? this.bareNs(of) : spread(cell.readings.map(({ baseNs }) => baseNs)).median;
    return (spread(cell.readings.map(({ ratio }) => ratio)).median - 1) * bareNs;
  }

  /** What it allocates beyond the bare call. */
  bytes(wrapper: string, of: string): number | undefined {
    const cell = this.cell(wrapper, of);
    return cell && spread(cell.readings.map(({ bytes }) => bytes)).median;
  }

  /** The figure of a wrapper, in nanoseconds or bytes; undefined where it was not measured. */
  figure(wrapper: string, name: FigureName): number | undefined {
    const { cases, isBytes } = FIGURES[name];
    const [long, short] = cases.map((of) => (isBytes ? this.bytes(wrapper, of) : this.overheadNs(wrapper, of)));
    if (long === undefined) return undefined;
    if (cases.length === 1) return name === 'json' || name === 'chunk' ? long / 16 : long;
    // What a stream costs once is in both.
    return short === undefined ? undefined : (long - short) / 255;
  }

  /** How many times less ours costs than the peer. */
  times(ours: string, peer: string, name: FigureName): number | undefined {
    const [own, other] = [this.figure(ours, name), this.figure(peer, name)];
    return own === undefined || other === undefined ? undefined : other / own;
  }
}
