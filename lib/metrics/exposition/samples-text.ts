import { exemplarText } from './exemplar';
import type { FamilyNames, Format } from './format';
import { braced, joined, type Labels, pairs, sortedPairs } from './labels-text';
import { numberText } from './numbers';
import type { Slices } from './slices';

/** One line's worth of a collected family. prom-client hands labels that several samples share over separately. */
export interface CollectedSample {
  /** Left out by counters and gauges, whose samples are called what the family is. */
  readonly metricName?: string | undefined;
  readonly labels?: Labels;
  readonly sharedLabels?: Labels;
  readonly value: unknown;
  readonly exemplar?: CollectedExemplar | null | undefined;
}

/** An exemplar as prom-client has it. */
interface CollectedExemplar {
  readonly labelSet: Labels;
  readonly value: number;
  readonly timestamp: number;
}

/** A family as `metric.get()` or `metric.getForPromString()` gives it. */
export interface CollectedFamily {
  readonly name: string;
  readonly help: unknown;
  readonly type: unknown;
  readonly values?: readonly CollectedSample[];
}

/** How to write one family. */
export interface SampleStyle {
  readonly names: FamilyNames;
  readonly format: Format;
  /** Labels that every sample of the registry has unless it sets them itself. */
  readonly defaultLabels: Labels;
  /** Alphabetical label order with `le` and `quantile` last, instead of the order in which they were given. */
  readonly sortLabels: boolean;
}

/** How many samples are written without a look at the clock. */
const RUN = 128;

/** A collected family in full, slice by slice. */
export async function samplesText(family: CollectedFamily, style: SampleStyle, slices: Slices): Promise<Buffer> {
  const { values = [] } = family;
  const lineOf = lineWriter(family, style);
  const parts = [Buffer.from(style.format.header(style.names, String(family.help)))];
  for (let i = 0; i < values.length; i += RUN) {
    const lines = values.slice(i, i + RUN).map(lineOf);
    parts.push(Buffer.from(lines.join('')));
    if (slices.isOver) await slices.next();
  }
  return Buffer.concat(parts);
}

function lineWriter({ name }: CollectedFamily, { names, format, defaultLabels, sortLabels }: SampleStyle) {
  const labelsText = (sortLabels ? sortedLabels : givenLabels)(defaultLabels, boundary(format, names.type));
  const own = (sample: string | undefined) => (sample === undefined || sample === name ? names.sample : sample);
  return (sample: CollectedSample): string => {
    const sampleName = own(sample.metricName);
    const shown = format.exemplars && mayCarry(names, sampleName) && sample.exemplar;
    const tail = shown ? exemplarText({ ...shown, labels: textsOf(shown.labelSet) }) : '';
    return `${sampleName}${braced(labelsText(sample))} ${numberText(Number(sample.value))}${tail}\n`;
  };
}

/** Whether OpenMetrics lets that sample have an exemplar. */
function mayCarry({ type, sample, family }: FamilyNames, name: string): boolean {
  return type === 'counter' ? name === sample : type === 'histogram' && name === `${family}_bucket`;
}

function textsOf(labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}

type LabelsText = (sample: CollectedSample) => string;
type Boundary = (labels: Labels) => Labels;

const NONE: Labels = Object.freeze({});

/** Gives the label that is a number the text which the format has for it. */
function boundary(format: Format, type: string): Boundary {
  const name = type === 'histogram' ? 'le' : type === 'summary' ? 'quantile' : undefined;
  if (name === undefined) return (labels) => labels;
  return (labels) => {
    const bound = labels[name];
    if (typeof bound !== 'string' && typeof bound !== 'number') return labels;
    const shown = format.bound(bound);
    return shown === String(bound) ? labels : { ...labels, [name]: shown };
  };
}

/** Labels in alphabetical order, then what only this sample has: `le` or `quantile`. */
function sortedLabels(defaults: Labels, bounded: Boundary): LabelsText {
  const common = remembered((shared) => sortedPairs(defaults, shared));
  return ({ labels = NONE, sharedLabels = NONE }) =>
    joined(common(sharedLabels), pairs(Object.keys(labels), bounded(labels)));
}

/** Labels in prom-client's order: the sample's own, the defaults, the shared ones. A shared one goes before its namesakes. */
function givenLabels(defaults: Labels, bounded: Boundary): LabelsText {
  const common = remembered((shared) => pairs(Object.keys(shared), bounded(shared)));
  return ({ labels = NONE, sharedLabels = NONE }) => {
    const own = bounded({ ...labels, ...defaults, ...labels });
    const names = Object.keys(own).filter((label) => !Object.hasOwn(sharedLabels, label));
    return joined(pairs(names, own), common(sharedLabels));
  };
}

/** A histogram hands the same labels over once for each bucket; their text is made once. */
function remembered(make: (labels: Labels) => string): (labels: Labels) => string {
  const known = new Map<Labels, string>();
  return (labels) => {
    let text = known.get(labels);
    if (text === undefined) known.set(labels, (text = make(labels)));
    return text;
  };
}
