/** What a client asks a worker for: so many items of so many characters. */
export interface Task {
  readonly items: number;
  readonly size: number;
  /** Wait after the first item until the worker is told to go on, so that all streams are open at once. */
  readonly gated?: boolean;
  /** Which of several endpoints of one worker is asked; only `peers/toggled.ts` has more than one. */
  readonly endpoint?: string;
}

/** The endpoints of one worker, of which one records all, one the standard set alone, one nothing, and one all again for the control. */
export const TOGGLED = ['all', 'standard', 'nothing', 'again'] as const;
export type Toggled = (typeof TOGGLED)[number];

export const SMALL = 20;
export const LARGE = 4096;

/** More items than any window lasts. */
export const ENDLESS = 1e9;

interface Throughput {
  readonly kind: 'items';
  readonly name: string;
  readonly streams: number;
  readonly size: number;
}

/** What is measured. `streams` are open at once; where it is not given, it is one. */
export type Case =
  | Throughput
  | { readonly kind: 'requests'; readonly name: string; readonly streams: number }
  | { readonly kind: 'latency'; readonly name: string }
  | { readonly kind: 'memory'; readonly name: string; readonly streams: number };

const items = (streams: number, size: number): Throughput => ({
  kind: 'items',
  name: `${streams.toLocaleString('en')} x ${size === SMALL ? '20 B' : '4 KiB'}`,
  streams,
  size,
});

/** In this order: what opens a thousand connections leaves work behind for a while. */
export const CASES: readonly Case[] = [
  { kind: 'latency', name: 'first item, one at a time' },
  { kind: 'requests', name: 'one-item answers, 64 at once', streams: 64 },
  ...[SMALL, LARGE].flatMap((size) => [1, 64, 1024].map((streams) => items(streams, size))),
  { kind: 'memory', name: '1,000 open streams', streams: 1000 },
];
