import { Readable } from 'node:stream';
import type { Case, Items } from './cases';

/** What is measured: a class whose method does no work of its own, so that what is added shows. */
export interface Handler {
  generate(request: string): unknown;
}
export type HandlerClass = new () => Handler;

export const REQUEST = 'a request of thirty characters';
export const FAILURE = new Error('half way');

const ITEMS: Readonly<Record<Items, (i: number) => unknown>> = {
  strings: (i) => `token ${String(i).padStart(5, '0')}`,
  objects: (i) => ({ id: i, text: 'token', score: 0.25 + i }),
  chunks: (i) => ({
    id: 'chatcmpl-8f2b6a1c',
    object: 'chat.completion.chunk',
    created: 1732579200 + i,
    model: 'llama-3.1-8b',
    choices: [{ index: 0, delta: { role: 'assistant', content: ' token' }, finish_reason: null }],
  }),
};

/** A new class for a case. Items exist beforehand: making them is no part of what is measured. */
export function makeClass({ shape, items: kind, count, ends }: Case): HandlerClass {
  const items = Array.from({ length: count }, (_, i) => ITEMS[kind](i));
  switch (shape) {
    case 'value':
      return class {
        generate(): unknown {
          return items[0];
        }
      };
    case 'promise':
      return class {
        async generate(): Promise<unknown> {
          return items[0];
        }
      };
    case 'generator':
      return class {
        async *generate(): AsyncGenerator<unknown> {
          for (let i = 0; i < items.length; i++) {
            if (ends === 'error' && i === count >> 1) throw FAILURE;
            yield items[i];
          }
        }
      };
    default:
      return makeStreamClass(shape, items);
  }
}

function makeStreamClass(shape: 'iterator' | 'readable' | 'web-stream', items: readonly unknown[]): HandlerClass {
  if (shape === 'iterator') {
    return class {
      generate(): AsyncIterableIterator<unknown> {
        let i = 0;
        return {
          next: () =>
            Promise.resolve(i < items.length ? { done: false, value: items[i++] } : { done: true, value: undefined }),
          [Symbol.asyncIterator]() {
            return this;
          },
        };
      }
    };
  }
  if (shape === 'readable') {
    return class {
      generate(): Readable {
        let i = 0;
        return new Readable({
          objectMode: true,
          read() {
            this.push(i < items.length ? items[i++] : null);
          },
        });
      }
    };
  }
  return class {
    generate(): ReadableStream<unknown> {
      let i = 0;
      return new ReadableStream({
        pull(controller) {
          if (i < items.length) controller.enqueue(items[i++]);
          else controller.close();
        },
      });
    }
  };
}
