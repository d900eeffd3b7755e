import type { CellFamily, HistogramFamily } from '../../family';
import { sortedPairs } from '../labels-text';
import type { Output } from '../output';
import type { Slices } from '../slices';
import { CellBlock, HistogramBlock, type LineStyle } from './block';

/** A family whose series are plain fields: its text can be kept from scrape to scrape. */
export type LiveFamily = CellFamily | HistogramFamily;

type AnyBlock = CellBlock | HistogramBlock;

/** The text of one family in one format, kept as blocks. */
export class FamilyText {
  readonly #header: Buffer;
  readonly #blocks: AnyBlock[] = [];
  readonly #series: LiveFamily['all'];
  readonly #key: string;
  readonly #make: (start: number) => AnyBlock;

  constructor(
    private readonly family: LiveFamily,
    style: LineStyle,
  ) {
    this.#header = Buffer.from(style.format.header(style.names, family.help));
    this.#series = family.all;
    this.#key = keyOf(style);
    this.#make = blockMaker(family, style);
  }

  /** Whether it still is the text of its family in that style. */
  fits(style: LineStyle): boolean {
    return this.#series === this.family.all && this.#key === keyOf(style);
  }

  /** Brings the text up to date and appends it, slice by slice. */
  async write(output: Output, slices: Slices): Promise<void> {
    output.append(this.#header);
    for (let index = 0, at = 0; at < this.#series.length; index++) {
      const block = this.#blockAt(index, at);
      block.refresh();
      block.lines.appendTo(output);
      at = block.end;
      if (slices.isOver) await slices.next();
    }
  }

  /** The block from series `start` on. It is made anew if there was room in it and there are more series now, or one before it was. */
  #blockAt(index: number, start: number): AnyBlock {
    const known = this.#blocks[index];
    const isWhole = known && (known.isFull || known.end === this.#series.length);
    if (isWhole && known.start === start) return known;
    return (this.#blocks[index] = this.#make(start));
  }
}

function blockMaker(family: LiveFamily, style: LineStyle): (start: number) => AnyBlock {
  if (isHistogram(family)) {
    const { all } = family;
    return (start) => new HistogramBlock(all, start, style);
  }
  const { all } = family;
  return (start) => new CellBlock(all, start, style);
}

function isHistogram(family: LiveFamily): family is HistogramFamily {
  return family.type === 'histogram';
}

/** Differs when two styles give other lines in the same format. */
function keyOf({ names, defaultLabels }: LineStyle): string {
  return `${names.family} ${names.sample} ${names.type} ${sortedPairs(defaultLabels, {})}`;
}

const kept = new WeakMap<LiveFamily, Map<string, FamilyText>>();

/** The text of `family` that was kept, or a new one where something that all its lines show has changed. */
export function familyTextOf(family: LiveFamily, style: LineStyle): FamilyText {
  let texts = kept.get(family);
  if (!texts) kept.set(family, (texts = new Map<string, FamilyText>()));
  let text = texts.get(style.format.name);
  if (!text?.fits(style)) texts.set(style.format.name, (text = new FamilyText(family, style)));
  return text;
}
