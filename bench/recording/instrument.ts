import { Buffer } from 'node:buffer';
import type { Case } from './cases';
import type { Handler, HandlerClass } from './handlers';

/** What a handler that is measured by hand says of a call. `T` is what it keeps of the begin. */
export interface Recording<T> {
  begin(request: unknown): T;
  item(item: unknown): void;
  failed(): void;
  cancelled(): void;
  end(begun: T): void;
}

const byteLength = Buffer.byteLength;

/** As one would write it: the length of a string, or of the JSON of anything else. */
export function sizeOf(value: unknown): number {
  return typeof value === 'string' ? byteLength(value) : byteLength(JSON.stringify(value));
}

/**
 * The handler measured by hand: in the method, or for a stream in an async generator around it. That is what a user writes; a
 * `Readable` or a `ReadableStream` does not come back as one.
 */
export function instrument<T>(target: HandlerClass, { shape }: Case, recording: Recording<T>): Handler {
  if (shape === 'value') return new (valueClass(target, recording))();
  if (shape === 'promise') return new (promiseClass(target, recording))();
  return new (streamClass(target, recording))();
}

function valueClass<T>(target: HandlerClass, recording: Recording<T>): HandlerClass {
  return class extends target {
    override generate(request: string): unknown {
      const begun = recording.begin(request);
      try {
        const result = super.generate(request);
        recording.item(result);
        return result;
      } catch (error) {
        recording.failed();
        throw error;
      } finally {
        recording.end(begun);
      }
    }
  };
}

function promiseClass<T>(target: HandlerClass, recording: Recording<T>): HandlerClass {
  return class extends target {
    override async generate(request: string): Promise<unknown> {
      const begun = recording.begin(request);
      try {
        const result = await super.generate(request);
        recording.item(result);
        return result;
      } catch (error) {
        recording.failed();
        throw error;
      } finally {
        recording.end(begun);
      }
    }
  };
}

function streamClass<T>(target: HandlerClass, recording: Recording<T>): HandlerClass {
  return class extends target {
    override async *generate(request: string): AsyncGenerator<unknown> {
      const begun = recording.begin(request);
      let isOver = false;
      try {
        for await (const item of super.generate(request) as AsyncIterable<unknown>) {
          recording.item(item);
          yield item;
        }
        isOver = true;
      } catch (error) {
        isOver = true;
        recording.failed();
        throw error;
      } finally {
        if (!isOver) recording.cancelled();
        recording.end(begun);
      }
    }
  };
}
