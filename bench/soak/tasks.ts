/** What callers ask for. `throws` fails before its stream, `fails` in it, `invalid` does not fit the schema; the last three are broken off by the caller. */
export const KINDS = ['short', 'medium', 'long', 'throws', 'fails', 'invalid', 'stop', 'leave', 'abort'] as const;
export type Kind = (typeof KINDS)[number];

/** One request. Its id is given once in a run, so that all records of it can be found. */
export interface Task {
  readonly id: string;
  readonly kind: Kind;
  /** Items of the stream, if nobody breaks it off. */
  readonly items: number;
  /** Milliseconds before each item. */
  readonly gapMs: number;
}

/** After how many items a caller breaks off. */
export const LEAVES_AFTER = 5;

const SHAPES: Readonly<Record<Kind, Pick<Task, 'items' | 'gapMs'>>> = {
  short: { items: 3, gapMs: 0 },
  medium: { items: 20, gapMs: 10 },
  long: { items: 60, gapMs: 30 },
  throws: { items: 0, gapMs: 0 },
  fails: { items: 8, gapMs: 5 },
  invalid: { items: -1, gapMs: 0 },
  // So long that the caller has left before the end, even on a busy machine.
  stop: { items: 1_000, gapMs: 10 },
  leave: { items: 1_000, gapMs: 10 },
  abort: { items: 1_000, gapMs: 10 },
};

export const taskOf = (id: string, kind: Kind): Task => ({ id, kind, ...SHAPES[kind] });

/** How a request was over for its caller. */
export type CallEnd = 'whole' | 'remote error' | 'handler error' | 'broken off' | 'failed' | 'broken' | 'wrong';

/** How a stream was over for its handler. */
export type HandlerEnd = 'whole' | 'threw' | 'failed' | 'stopped' | 'left';

/** One line of the record that each process keeps, in a file that outlives it. */
export type Line =
  | { readonly at: 'call'; readonly id: string; readonly kind: Kind; readonly ms: number }
  | {
      readonly at: 'end';
      readonly id: string;
      readonly how: CallEnd;
      readonly items: number;
      readonly ms: number;
      readonly detail: string;
    }
  | { readonly at: 'begin'; readonly id: string }
  | { readonly at: 'refused'; readonly id: string }
  | { readonly at: 'over'; readonly id: string; readonly how: HandlerEnd; readonly items: number }
  | { readonly at: 'settled'; readonly id: string };

/** What a process says of itself when it is asked; `files` are those open, sockets included. */
export interface Condition {
  readonly heldMiB: number;
  readonly rssMiB: number;
  readonly files: number;
}
