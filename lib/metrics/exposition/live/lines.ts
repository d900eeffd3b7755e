import type { Exemplar } from '../../instruments';
import { exemplarText } from '../exemplar';
import { digitCount, isPlainInteger, numberText, writeDigits } from '../numbers';
import type { Output } from '../output';

/** Room for values that grow, for each line. */
const SLACK_BYTES = 6;

/**
 * Lines of a scrape that stay where they are from one to the next: names and labels are written once, and of the values only
 * those that have changed. A value that needs more or fewer bytes than before moves what is behind it.
 */
export class Lines {
  #bytes: Buffer;
  #length = 0;
  /** Where each value begins, and how many bytes it and its exemplar take. */
  readonly #starts: Uint32Array;
  readonly #widths: Uint16Array;
  /** What the lines show now, so that a caller can tell without a call that nothing changed. */
  readonly values: Float64Array;
  /** Made with the first exemplar. */
  #exemplars: (Exemplar | undefined)[] | undefined;

  /** One line for each prefix, which is everything before its value; all values are 0. */
  constructor(prefixes: readonly string[]) {
    const text = prefixes.map((prefix) => `${prefix}0\n`).join('');
    this.#bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text) + prefixes.length * SLACK_BYTES);
    this.#length = this.#bytes.write(text);
    this.#starts = new Uint32Array(prefixes.length);
    this.#widths = new Uint16Array(prefixes.length).fill(1);
    this.values = new Float64Array(prefixes.length);
    let at = 0;
    prefixes.forEach((prefix, line) => {
      this.#starts[line] = at += Buffer.byteLength(prefix);
      at += 2;
    });
  }

  /** Shows `value` in a line that never has an exemplar. */
  put(line: number, value: number): void {
    this.values[line] = value;
    if (!isPlainInteger(value)) return this.#putText(line, numberText(value));
    const width = digitCount(value);
    if (width !== this.#widths[line]) this.#resize(line, width);
    writeDigits(this.#bytes, this.#starts[line]! + width, value);
  }

  /** Shows `value` in a line that may have an exemplar, if either is not what it was. */
  putWith(line: number, value: number, exemplar: Exemplar | undefined): void {
    if (this.values[line] === value && this.#exemplars?.[line] === exemplar) return;
    if (exemplar === undefined && this.#exemplars?.[line] === undefined) return this.put(line, value);
    this.values[line] = value;
    (this.#exemplars ??= [])[line] = exemplar;
    this.#putText(line, numberText(value) + (exemplar ? exemplarText(exemplar) : ''));
  }

  appendTo(output: Output): void {
    output.append(this.#bytes, this.#length);
  }

  #putText(line: number, text: string): void {
    const width = Buffer.byteLength(text);
    if (width !== this.#widths[line]) this.#resize(line, width);
    this.#bytes.write(text, this.#starts[line]!);
  }

  #resize(line: number, width: number): void {
    const growth = width - this.#widths[line]!;
    const behind = this.#starts[line]! + this.#widths[line]!;
    if (this.#length + growth > this.#bytes.length) this.#enlarge(growth);
    this.#bytes.copyWithin(behind + growth, behind, this.#length);
    this.#length += growth;
    this.#widths[line] = width;
    const starts = this.#starts;
    for (let i = line + 1; i < starts.length; i++) starts[i]! += growth;
  }

  #enlarge(growth: number): void {
    const bytes = Buffer.allocUnsafeSlow(this.#length + growth + this.#starts.length * SLACK_BYTES);
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
  }
}
