import type { FamilySnapshot, SeriesSnapshot } from '../../metrics/aggregate/snapshot';

/** By this a message is known among those of the program; the number changes with what follows. */
export const MESSAGE_TYPE = 'profiled:workers@1';

/** What one side wants to know of the other. */
export interface Ask {
  /** How long the answer may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Only these metrics. */
  readonly names?: readonly string[] | undefined;
  /** Whether those of the process too. */
  readonly processMetrics: boolean;
}

/** What goes between a process or thread and the one that started it. */
export type Body =
  /** A worker says that it can be asked: at its start, and whenever someone wants to know. It is welcomed. */
  | { readonly kind: 'hello'; readonly thread?: number | undefined }
  | { readonly kind: 'who' }
  | { readonly kind: 'welcome' }
  /** A thread that was started by a thread has ended. */
  | { readonly kind: 'gone'; readonly thread: number }
  | ({ readonly kind: 'ask'; readonly id: number } & Ask)
  /** Pieces of one answer, in their order. Each but the last waits for a word that the one before has been read. */
  | { readonly kind: 'answer'; readonly id: number; readonly families: readonly WireFamily[]; readonly isLast: boolean }
  | { readonly kind: 'more'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };

export type Message = Body & { readonly type: typeof MESSAGE_TYPE };

/** A family as JSON can carry it: it has no numbers that are none. */
type WireFamily = Omit<FamilySnapshot, 'series'> & {
  readonly series: readonly (Omit<SeriesSnapshot, 'values'> & { readonly values: readonly (number | string)[] })[];
};

export function message(body: Body): Message {
  return { type: MESSAGE_TYPE, ...body };
}

export function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && (value as Partial<Message>).type === MESSAGE_TYPE;
}

export function toWire(families: readonly FamilySnapshot[]): readonly WireFamily[] {
  return families.map((family) => ({ ...family, series: family.series.map(encoded) }));
}

export function fromWire(families: readonly WireFamily[]): FamilySnapshot[] {
  return families.map((family) => ({ ...family, series: family.series.map(decoded) }));
}

function encoded(series: SeriesSnapshot): WireFamily['series'][number] {
  if (series.values.every(Number.isFinite)) return series;
  return { ...series, values: series.values.map((value) => (Number.isFinite(value) ? value : String(value))) };
}

function decoded(series: WireFamily['series'][number]): SeriesSnapshot {
  const isPlain = series.values.every((value) => typeof value === 'number');
  return isPlain ? (series as SeriesSnapshot) : { ...series, values: series.values.map(Number) };
}
