/** One sample as it stands in a scrape. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: ParsedExemplar | undefined;
}

export interface ParsedExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timestamp: number | undefined;
}

/** What the grammar of one format says of lines; written from the published grammars, and of nothing in lib. */
export interface Grammar {
  sample(line: string): ParsedSample;
  help(text: string): string;
}

const METRIC_NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
/** `realnumber` of OpenMetrics: its three alternatives. */
const REAL = /[+-]?(?:\d+\.?\d*|\d*\.\d+)(?:[eE][+-]?\d+)?/y;
const NOT_REAL = /[+-]?inf(?:inity)?|nan/iy;
/** `escaped-string`: no line feed, no bare quote, a backslash only before another character. */
const OPENMETRICS_STRING = /(?:[^\n"\\]|\\[^\r\n])*/y;
/** Text 0.0.4 knows three escapes and no other. */
const TEXT_STRING = /(?:[^\n"\\]|\\[\\n"])*/y;

/** Reads a line from left to right; whatever does not fit is an error that shows where. */
class Reader {
  #at = 0;

  constructor(private readonly line: string) {}

  get isAtEnd(): boolean {
    return this.#at === this.line.length;
  }

  isNext(text: string): boolean {
    return this.line.startsWith(text, this.#at);
  }

  skip(text: string): boolean {
    const isThere = this.isNext(text);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  expect(text: string): void {
    if (!this.skip(text)) this.fail(`expected ${JSON.stringify(text)}`);
  }

  match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const [text] = pattern.exec(this.line) ?? this.fail(`expected ${what}`);
    this.#at += text.length;
    return text;
  }

  number(): number {
    NOT_REAL.lastIndex = this.#at;
    if (!NOT_REAL.test(this.line)) return this.real();
    const word = this.match(NOT_REAL, 'a number').toLowerCase();
    return word === 'nan' ? NaN : word.startsWith('-') ? -Infinity : Infinity;
  }

  real(): number {
    return Number(this.match(REAL, 'a number'));
  }

  fail(complaint: string): never {
    throw new SyntaxError(`${complaint} at ${this.#at} of ${JSON.stringify(this.line)}`);
  }
}

function labels(reader: Reader, string: RegExp): Record<string, string> {
  const found: Record<string, string> = {};
  reader.expect('{');
  while (!reader.skip('}')) {
    if (Object.keys(found).length > 0) reader.expect(',');
    const name = reader.match(LABEL_NAME, 'a label name');
    if (Object.hasOwn(found, name)) reader.fail(`label ${name} is there twice`);
    reader.expect('="');
    found[name] = unescaped(reader.match(string, 'a label value'));
    reader.expect('"');
  }
  return found;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

function whole(text: string, pattern: RegExp): string {
  const reader = new Reader(text);
  const found = reader.match(pattern, 'an escaped string');
  if (!reader.isAtEnd) reader.fail('a character that has to be escaped');
  return unescaped(found);
}

/** OpenMetrics 1.0: single spaces, exemplars, no blank before the end of a line. */
export const OPENMETRICS_GRAMMAR: Grammar = {
  sample(line) {
    const reader = new Reader(line);
    const name = reader.match(METRIC_NAME, 'a metric name');
    const own = reader.isNext('{') ? labels(reader, OPENMETRICS_STRING) : {};
    reader.expect(' ');
    const value = reader.number();
    if (!reader.isAtEnd && !reader.isNext(' # ')) {
      reader.expect(' ');
      reader.real();
    }
    const exemplar = reader.skip(' # ') ? exemplarOf(reader) : undefined;
    if (!reader.isAtEnd) reader.fail('expected the end of the line');
    return { name, labels: own, value, exemplar };
  },
  help: (text) => whole(text, OPENMETRICS_STRING),
};

function exemplarOf(reader: Reader): ParsedExemplar {
  const own = labels(reader, OPENMETRICS_STRING);
  reader.expect(' ');
  const value = reader.number();
  return { labels: own, value, timestamp: reader.skip(' ') ? reader.real() : undefined };
}

/** Text 0.0.4: `name{labels} value [timestamp]`; its HELP texts know two escapes and have quotes as they are. */
export const TEXT_GRAMMAR: Grammar = {
  sample(line) {
    const reader = new Reader(line);
    const name = reader.match(METRIC_NAME, 'a metric name');
    const own = reader.isNext('{') ? labels(reader, TEXT_STRING) : {};
    reader.match(/[ \t]+/y, 'a blank');
    const value = reader.number();
    if (!reader.isAtEnd) {
      reader.match(/[ \t]+/y, 'a blank');
      reader.match(/-?\d+/y, 'a timestamp in milliseconds');
    }
    if (!reader.isAtEnd) reader.fail('expected the end of the line');
    return { name, labels: own, value, exemplar: undefined };
  },
  help: (text) => whole(text, /(?:[^\n\\]|\\[\\n])*/y),
};
