import cluster, { type Worker } from 'node:cluster';
import { log } from '../../internal/logger';
import type { Hub } from './hub';
import { type Answerer, Line } from './line';
import { type Body, isMessage, message } from './message';

/** Whether this process was started by `cluster.fork()`. */
export const isClusterWorker = (): boolean => cluster.isWorker;

/** True in one worker of each cluster that has several: in those of a single process nothing has to be put together. */
export const isSecondOfCluster = (): boolean => cluster.worker?.id === 2;

/** Lets `hub` know of the workers of this process, those that are there already too. */
export function listenToClusterWorkers(hub: Hub): void {
  cluster.on('message', (worker, received: unknown) => {
    if (!isMessage(received)) return;
    if (received.kind === 'hello') hub.joined(String(worker.id), (body) => send(worker, body));
    else hub.receive(String(worker.id), received);
  });
  // Which of the two comes first depends on how it ends, and a grandchild may hold the channel open.
  for (const end of ['disconnect', 'exit']) cluster.on(end, ({ id }: Worker) => hub.left(String(id)));
  for (const worker of Object.values(cluster.workers ?? {})) if (worker) send(worker, { kind: 'who' });
}

/** The way from a worker to the process that forked it. */
export function lineToPrimary(answer: Answerer): Line {
  const worker = cluster.worker!;
  const line = new Line((body) => send(worker, body), answer);
  worker.on('message', (received: unknown) => {
    if (!isMessage(received)) return;
    if (received.kind === 'who') send(worker, { kind: 'hello' });
    else line.receive(received);
  });
  worker.on('disconnect', () => line.close());
  return line;
}

/** Says that this worker can be asked. */
export function greetPrimary(): void {
  send(cluster.worker!, { kind: 'hello' });
}

function send(worker: Worker, body: Body): void {
  if (!worker.isConnected()) return;
  // With a callback a channel that breaks just now is no 'error' event.
  worker.send(message(body), undefined, (error: Error | null) => {
    if (error) log.write('debug', { worker: worker.id, err: error }, 'a message to or from a cluster worker was lost');
  });
}
