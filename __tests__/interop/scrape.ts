import { ask } from '../support/http';
import type { Worker } from './cluster';

/** One sample of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What one worker exposes of the metrics of its handlers. */
export interface Scrape {
  /** The HELP and TYPE lines. */
  readonly families: readonly string[];
  readonly samples: readonly Sample[];
}

const PREFIX = 'dynamo_component_';
const LINE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;

/** Asks `worker` for its metrics: ours says where in its first line, the real runtime in its log. */
export async function scrape({ peer }: Worker): Promise<Scrape> {
  const port = peer.events[0]?.metrics ?? /status server bound to: [\d.]+:(\d+)/.exec(peer.log)?.[1];
  const { body } = await ask(`http://127.0.0.1:${Number(port)}/metrics`);
  const lines = body.split('\n').filter((line) => line.includes(PREFIX));
  return {
    families: lines.filter((line) => line.startsWith('#')),
    samples: lines.flatMap((line) => sampleOf(line) ?? []),
  };
}

/** The value of the one sample of that name, or of those with that label. */
export function valueOf({ samples }: Scrape, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels);
  const found = samples.filter(
    (sample) => sample.name === PREFIX + name && wanted.every(([label, value]) => sample.labels[label] === value),
  );
  if (found.length !== 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`);
  return found[0]!.value;
}

/** Name and labels of each sample, without what differs by nature: the id of the worker. */
export function series({ samples }: Scrape, name: string): Readonly<Record<string, string>>[] {
  const found = samples.filter((sample) => sample.name === PREFIX + name);
  return found.map(({ labels }) => ({ ...labels, ...(labels.worker_id && { worker_id: 'hex' }) }));
}

function sampleOf(line: string): Sample | undefined {
  const [, name, labels = '', value] = LINE.exec(line) ?? [];
  if (name === undefined) return undefined;
  const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text]);
  return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
}
