import type { Turns } from './turns';

/** What one process measures. */
export type ScrapeJob = { readonly handlers: number } & (
  | { readonly what: 'all' | 'tenth' | 'stock' | 'control'; readonly pairs: number }
  | { readonly what: 'memory'; readonly side: 'ours' | 'prom' }
  | { readonly what: 'turns'; readonly scrapes: number }
);

/** How many times less ours takes, and the CPU of one scrape of each in milliseconds. */
export interface Comparison {
  readonly times: number;
  readonly oursMs: number;
  readonly peerMs: number;
}

/** Bytes for a handler: what the decorator keeps of its class; its series, before the first scrape and after it, and outside of the heap. */
export interface Memory {
  readonly decorator: number;
  readonly heap: number;
  readonly scrapedHeap: number;
  readonly scrapedBuffers: number;
}

export type TurnReadings = Readonly<Record<'first' | 'identity' | 'gzip', Turns>>;
