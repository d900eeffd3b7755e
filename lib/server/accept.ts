/** One element of an `Accept` or `Accept-Encoding` header, by RFC 9110. */
export interface Preference {
  /** In lower case: `text/plain`, `gzip`, `*`. */
  readonly value: string;
  /** Parameters but for the weight, names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  /** From 0, which means never, to 1. */
  readonly weight: number;
}

const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** The elements of a header in their order. Those that can not be understood are left out; undefined means no header. */
export function preferences(header: string | undefined): Preference[] {
  return split(header ?? '', ',').flatMap((element) => {
    const [value = '', ...rest] = split(element, ';');
    const parameters = new Map(rest.map(parameter));
    const weight = parameters.get('q') ?? '1';
    parameters.delete('q');
    if (value === '' || !WEIGHT.test(weight)) return [];
    return [{ value: value.toLowerCase(), parameters, weight: Number(weight) }];
  });
}

/** The parts between separators that stand outside of quotes, without blanks around them; in one pass, however odd the text is. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let isQuoted = false;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i === text.length || (text[i] === separator && !isQuoted)) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    } else if (text[i] === '"') isQuoted = !isQuoted;
    else if (text[i] === '\\' && isQuoted) i += Math.min(1, text.length - 1 - i);
  }
  return parts;
}

function parameter(text: string): [string, string] {
  const [name = '', ...value] = text.split('=');
  return [name.trim().toLowerCase(), unquoted(value.join('=').trim())];
}

function unquoted(text: string): string {
  return /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
