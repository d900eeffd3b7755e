import { setImmediate } from 'node:timers/promises';
import type { Task } from './cases';

/** One item, as a worker in JavaScript would yield it. */
export interface Item {
  readonly data: string;
}

const texts = new Map<number, string>();

/** The same text for every item of a size: making it is no part of what is measured. */
export function textOf(size: number): string {
  let text = texts.get(size);
  if (text === undefined) texts.set(size, (text = 'abcdefghijklmnopqrst'.repeat(Math.ceil(size / 20)).slice(0, size)));
  return text;
}

/** After so many items the handler lets the event loop turn, as one that waits for its items would. */
const TURN_ITEMS = 64;

let begin: () => void = () => {};
let begun: Promise<void> | undefined;

/** Closes the gate that gated streams wait at after their first item, or opens it. */
export function gate(state: 'open' | 'closed'): void {
  if (state === 'closed') begun = new Promise((resolve) => (begin = resolve));
  else begin();
}

/** The handler of every peer that is written in JavaScript. */
export async function* generate<T>(task: Task, signal: AbortSignal, itemOf: (text: string) => T): AsyncGenerator<T> {
  const text = textOf(task.size);
  for (let i = 0; i < task.items; i++) {
    if (signal.aborted) return;
    yield itemOf(text);
    if (i === 0 && task.gated) await begun;
    if (i % TURN_ITEMS === TURN_ITEMS - 1) await setImmediate();
  }
}
