import type { Task } from './cases';

/** A worker that listens. */
export interface Served {
  readonly address: string;
  /** The processes whose CPU and memory are the worker's, brokers included, beside the one that called `serve`. */
  readonly pids: readonly number[];
  /** Whether the process that called `serve` does work of its own. */
  readonly isWorker: boolean;
  /** Closes or opens the gate of a worker that is another process; see `gate` of the handler. */
  gate?(state: 'open' | 'closed'): void;
  close(): Promise<unknown>;
}

/** A connection to a worker, shared by all its streams. */
export interface Caller {
  /**
   * Opens one stream and hands each item's text to `onItem` as it comes, until the stream ends or `onItem` returns false, which
   * leaves it early.
   */
  read(task: Task, onItem: (text: string) => boolean): Promise<void>;
  close(): Promise<unknown>;
}

/** One way of streaming answers, as its documentation shows it. */
export interface Peer {
  /** The name in the tables. */
  readonly title: string;
  serve(): Promise<Served>;
  connect(address: string): Promise<Caller>;
  /** The most items that one stream may have when so many are open. @default no limit */
  itemsPerStream?(streams: number, size: number): number;
}

/** File names in `peers/`, ours first. `toggled` is the same worker with and without its recording, in one process. */
export const PEERS = ['ours', 'nice-grpc', 'nats', 'http', 'dynamo'] as const;
export type PeerName = (typeof PEERS)[number] | 'toggled';

/** The peer of that file name. Loads its packages, so each process loads one. */
export async function loadPeer(name: string): Promise<Peer> {
  const { peer } = (await import(`./peers/${name}.js`)) as { peer: Peer };
  return peer;
}
