/** One element of an `Accept` or `Accept-Encoding` header, by RFC 9110. */
export interface Preference {
  /** In lower case: `text/plain`, `gzip`, `*`. */
  readonly value: string;
  /** Parameters but for the weight, names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  /** From 0, which means never, to 1. */
  readonly weight: number;
}

const ELEMENT = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/g;
const PARAMETER = /(?:[^;"]|"(?:[^"\\]|\\.)*")+/g;
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** The elements of a header in their order. Those that can not be understood are left out; undefined means no header. */
export function preferences(header: string | undefined): Preference[] {
  return (header?.match(ELEMENT) ?? []).flatMap((element) => {
    const [value = '', ...rest] = (element.match(PARAMETER) ?? []).map((part) => part.trim());
    const parameters = new Map(rest.filter((part) => part !== '').map(parameter));
    const weight = parameters.get('q') ?? '1';
    parameters.delete('q');
    if (value === '' || !WEIGHT.test(weight)) return [];
    return [{ value: value.toLowerCase(), parameters, weight: Number(weight) }];
  });
}

function parameter(text: string): [string, string] {
  const [name = '', ...value] = text.split('=');
  return [name.trim().toLowerCase(), unquoted(value.join('=').trim())];
}

function unquoted(text: string): string {
  return /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
