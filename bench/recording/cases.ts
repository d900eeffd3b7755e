/** What a handler gives back. */
export type Shape = 'value' | 'promise' | 'generator' | 'iterator' | 'readable' | 'web-stream';

/** What the items are: short strings, small objects, or the chunks of a chat completion. */
export type Items = 'strings' | 'objects' | 'chunks';

/** One way of calling a handler. */
export interface Case {
  readonly name: string;
  readonly shape: Shape;
  readonly items: Items;
  /** Items of a stream; a value is one. */
  readonly count: number;
  /** What ends the stream early, half way. @default nothing */
  readonly ends?: 'error' | 'cancel';
  /** Handlers that are called in turn, each with labels of its own. */
  readonly handlers: number;
  /** Whether the calls are made within an `AsyncLocalStorage`, as in an app that is traced. */
  readonly inStorage: boolean;
  /** Streams that stay open meanwhile. @default none */
  readonly open?: number;
  /** Values that the label of a custom metric takes in turn. @default 4 */
  readonly labelValues?: number;
}

const of = (name: string, shape: Shape, rest: Partial<Case> = {}): Case => ({
  name,
  shape,
  items: 'strings',
  count: 1,
  handlers: 1,
  inStorage: false,
  ...rest,
});

export const CASES = [
  of('value', 'value'),
  of('promise', 'promise'),
  of('gen1', 'generator'),
  of('gen16', 'generator', { count: 16 }),
  of('gen256', 'generator', { count: 256 }),
  of('json16', 'generator', { count: 16, items: 'objects' }),
  of('chat16', 'generator', { count: 16, items: 'chunks' }),
  of('iter16', 'iterator', { count: 16 }),
  of('node16', 'readable', { count: 16 }),
  of('web16', 'web-stream', { count: 16 }),
  of('error', 'generator', { count: 16, ends: 'error' }),
  of('cancel', 'generator', { count: 16, ends: 'cancel' }),
  of('value, 200 handlers', 'value', { handlers: 200 }),
  of('gen16, 200 handlers', 'generator', { count: 16, handlers: 200 }),
  of('value, in a storage', 'value', { inStorage: true }),
  of('gen16, in a storage', 'generator', { count: 16, inStorage: true }),
] as const;

/** @throws when there is none of that name */
export function caseOf(name: string): Case {
  const found = CASES.find((one) => one.name === name);
  if (!found) throw new Error(`there is no case ${name}, only ${CASES.map((one) => one.name).join('; ')}`);
  return found;
}
