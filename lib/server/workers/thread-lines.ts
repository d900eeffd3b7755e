import { subscribe } from 'node:diagnostics_channel';
import { BroadcastChannel, threadId, type Worker } from 'node:worker_threads';
import type { Hub } from './hub';
import { type Answerer, Line } from './line';
import { type Body, isMessage, message, MESSAGE_TYPE } from './message';

const nameOf = (thread: number): string => `thread-${thread}`;

/** Where threads say hello. For everything else each has a channel of its own, so that none has to read the answers of others. */
const COMMON = MESSAGE_TYPE;
const ownChannel = (thread: number): string => `${MESSAGE_TYPE}/${thread}`;

/** Lets `hub` know of all threads of this process, those that are there already too. */
export function listenToThreads(hub: Hub): void {
  const channels = new Map<number, Channel>();
  const end = (thread: number): void => {
    hub.left(nameOf(thread));
    channels.get(thread)?.close();
    channels.delete(thread);
  };
  const common = new Channel(COMMON, (body) => {
    if (body.kind === 'gone') end(body.thread);
    if (body.kind !== 'hello' || body.thread === undefined || channels.has(body.thread)) return;
    const name = nameOf(body.thread);
    const channel = new Channel(ownChannel(body.thread), (received) => hub.receive(name, received));
    channels.set(body.thread, channel);
    hub.joined(name, (sent) => channel.send(sent));
  });
  whenThreadsEnd(end);
  common.send({ kind: 'who' });
}

/** The way from a thread to the main one, to which it says hello. */
export function lineToMainThread(answer: Answerer): Line {
  const channel = new Channel(ownChannel(threadId), (body) => line.receive(body));
  const line = new Line((body) => channel.send(body), answer);
  const hello = { kind: 'hello', thread: threadId } as const;
  const common = new Channel(COMMON, ({ kind }) => {
    if (kind === 'who') common.send(hello);
  });
  whenThreadsEnd((thread) => common.send({ kind: 'gone', thread }));
  common.send(hello);
  return line;
}

/** Calls `then` for each thread that the current one starts from now on, when it ends in whatever way. */
function whenThreadsEnd(then: (thread: number) => void): void {
  subscribe('worker_threads', (started) => {
    const { worker } = started as { readonly worker: Worker };
    // It has none any more when it has ended.
    const { threadId: thread } = worker;
    worker.once('exit', () => then(thread));
  });
}

/** A channel between the threads of a process. It keeps none of them alive. */
class Channel {
  readonly #channel: BroadcastChannel;

  constructor(name: string, receive: (body: Body) => void) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = (event) => {
      const { data } = event as { readonly data: unknown };
      if (isMessage(data)) receive(data);
    };
    this.#channel.unref();
  }

  send(body: Body): void {
    this.#channel.postMessage(message(body));
  }

  close(): void {
    this.#channel.close();
  }
}
