import { escapeLabelValue } from './escape';

/** Label names and whatever prom-client accepted as their values. */
export type Labels = Readonly<Record<string, unknown>>;

/** `a="1",b="2"`, in the order of `names`. */
export function pairs(names: readonly string[], labels: Labels): string {
  return names.map((name) => `${name}="${escapeLabelValue(String(labels[name]))}"`).join(',');
}

/** Labels and the defaults that they do not override, in alphabetical order. */
export function sortedPairs(defaults: Labels, labels: Labels): string {
  const all = { ...defaults, ...labels };
  return pairs(Object.keys(all).sort(), all);
}

/** Both, with a comma between them if it takes one. */
export function joined(first: string, second: string): string {
  return first && second ? `${first},${second}` : first + second;
}

/** Labels with their braces, or nothing if there are none. */
export function braced(text: string): string {
  return text && `{${text}}`;
}
