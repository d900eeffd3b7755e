import {
  type Grammar,
  OPENMETRICS_GRAMMAR,
  type ParsedExemplar,
  type ParsedSample,
  TEXT_GRAMMAR,
} from './exposition-grammar';

export type { ParsedSample } from './exposition-grammar';

/** One family of a scrape. */
export interface ParsedFamily {
  readonly name: string;
  type: string;
  help: string | undefined;
  unit: string | undefined;
  readonly samples: ParsedSample[];
}

/** The suffixes that samples of a type may have. */
type Suffixes = Readonly<Record<string, readonly string[]>>;

const OPENMETRICS_SUFFIXES: Suffixes = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  gaugehistogram: ['_bucket', '_gsum', '_gcount'],
  summary: ['', '_sum', '_count', '_created'],
  info: ['_info'],
  stateset: [''],
  unknown: [''],
};

const TEXT_SUFFIXES: Suffixes = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
  untyped: [''],
};

/** Parses an OpenMetrics 1.0 exposition. @throws SyntaxError for whatever the standard forbids */
export function parseOpenMetrics(text: string): ParsedFamily[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new SyntaxError('the last line does not end');
  if (lines.pop() !== '# EOF') throw new SyntaxError('there is no # EOF at the end');
  const families = new Families(OPENMETRICS_GRAMMAR, OPENMETRICS_SUFFIXES, 'unknown');
  for (const line of lines) {
    if (line === '' || (line.startsWith('#') && !/^# (?:TYPE|HELP|UNIT) /.test(line))) fail('no such line', line);
    families.take(line);
  }
  families.all.forEach(checkOpenMetrics);
  checkClashes(families.all);
  return families.all;
}

/** Parses an exposition in the text format 0.0.4. @throws SyntaxError for whatever it forbids */
export function parseText(text: string): ParsedFamily[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new SyntaxError('the last line does not end');
  const families = new Families(TEXT_GRAMMAR, TEXT_SUFFIXES, 'untyped');
  for (const line of lines) {
    if (line === '' || (line.startsWith('#') && !/^# (?:TYPE|HELP) /.test(line))) continue;
    families.take(line);
  }
  for (const family of families.all) {
    checkDuplicates(family);
    if (family.type === 'histogram') groups(family).forEach((samples) => checkBuckets(family, samples));
  }
  return families.all;
}

/** Puts lines into families, which may not be interleaved. */
class Families {
  readonly all: ParsedFamily[] = [];

  constructor(
    private readonly grammar: Grammar,
    private readonly suffixes: Suffixes,
    private readonly untyped: string,
  ) {}

  take(line: string): void {
    const [, keyword, name, rest] = /^# (TYPE|HELP|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line) ?? [];
    if (line.startsWith('#') && name === undefined) fail('no metadata', line);
    if (name !== undefined) this.#describe(keyword!, name, rest!, line);
    else this.#add(this.grammar.sample(line), line);
  }

  #describe(keyword: string, name: string, rest: string, line: string): void {
    const family = this.all.at(-1)?.name === name ? this.all.at(-1)! : this.#open(name, line);
    if (family.samples.length > 0) fail('metadata after samples', line);
    if (keyword === 'HELP') {
      if (family.help !== undefined) fail('a second HELP', line);
      family.help = this.grammar.help(rest);
    } else if (keyword === 'UNIT') {
      if (family.unit !== undefined) fail('a second UNIT', line);
      if (!name.endsWith(`_${rest}`)) fail('the unit is not in the name', line);
      family.unit = rest;
    } else {
      if (family.type !== '') fail('a second TYPE', line);
      if (!Object.hasOwn(this.suffixes, rest)) fail('no such type', line);
      family.type = rest;
    }
  }

  #open(name: string, line: string): ParsedFamily {
    if (this.all.some((family) => family.name === name)) fail('a family in two places', line);
    const family: ParsedFamily = { name, type: '', help: undefined, unit: undefined, samples: [] };
    this.all.push(family);
    return family;
  }

  #add(sample: ParsedSample, line: string): void {
    const last = this.all.at(-1);
    const isOfLast =
      last && this.suffixes[last.type || this.untyped]!.some((suffix) => last.name + suffix === sample.name);
    const family = isOfLast ? last : this.#open(sample.name, line);
    family.type ||= this.untyped;
    family.samples.push(sample);
  }
}

function checkOpenMetrics(family: ParsedFamily): void {
  checkDuplicates(family);
  for (const { name, value, exemplar, labels } of family.samples) {
    const mayCarry =
      (family.type === 'counter' && name.endsWith('_total')) ||
      (family.type === 'histogram' && name.endsWith('_bucket'));
    if (exemplar && !mayCarry) fail('an exemplar where none may be', name);
    if (exemplar) checkExemplar(exemplar, labels.le);
    const isSum = ['counter', 'histogram'].includes(family.type) && !name.endsWith('_sum');
    if (isSum && !(value >= 0)) fail('a count that is negative or no number', name);
  }
  if (family.type === 'histogram') groups(family).forEach((samples) => checkBuckets(family, samples));
}

function checkExemplar({ labels, value }: ParsedExemplar, le: string | undefined): void {
  const characters = Object.entries(labels).flat().join('');
  if ([...characters].length > 128) fail('an exemplar with too many characters', characters);
  if (le !== undefined && value > bound(le)) fail('an exemplar that is not in its bucket', String(value));
}

function checkDuplicates({ samples }: ParsedFamily): void {
  const seen = new Set<string>();
  for (const { name, labels } of samples) {
    const key = JSON.stringify([name, Object.entries(labels).sort()]);
    if (seen.has(key)) fail('a sample that is there twice', key);
    seen.add(key);
  }
}

/** Samples with the same labels but for `le`, in order; those of one group may not be interleaved with another's. */
function groups({ samples }: ParsedFamily): ParsedSample[][] {
  const found = new Map<string, ParsedSample[]>();
  let last = '';
  for (const sample of samples) {
    const { le: _, ...rest } = sample.labels;
    const key = JSON.stringify(Object.entries(rest).sort());
    if (key !== last && found.has(key)) fail('two groups of samples are interleaved', key);
    found.set(key, [...(found.get(key) ?? []), sample]);
    last = key;
  }
  return [...found.values()];
}

function checkBuckets({ name }: ParsedFamily, samples: readonly ParsedSample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  buckets.forEach(({ labels, value }, i) => {
    const before = buckets[i - 1];
    if (before && !(bound(labels.le!) > bound(before.labels.le!))) fail('bounds that do not ascend', labels.le!);
    if (before && value < before.value) fail('buckets that are not cumulative', labels.le!);
  });
  const last = buckets.at(-1);
  if (last?.labels.le !== '+Inf') fail('a histogram without +Inf', name);
  const count = samples.find((sample) => sample.name === `${name}_count`);
  if (count?.value !== last.value) fail('a count that is not that of +Inf', name);
}

function bound(le: string): number {
  return le === '+Inf' ? Infinity : Number(le);
}

/** No sample name that one family could have may be the name of another's. */
function checkClashes(families: readonly ParsedFamily[]): void {
  const owners = new Map<string, string>();
  for (const { name, type } of families) {
    for (const possible of new Set([
      name,
      ...OPENMETRICS_SUFFIXES[type || 'unknown']!.map((suffix) => name + suffix),
    ])) {
      if (owners.has(possible)) fail(`${owners.get(possible)} and ${name} clash`, possible);
      owners.set(possible, name);
    }
  }
}

function fail(complaint: string, where: string): never {
  throw new SyntaxError(`${complaint}: ${where}`);
}
