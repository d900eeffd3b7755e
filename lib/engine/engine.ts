import type { SingleIn } from './context';

/** A response of any number of items. */
export type ManyOut<U> = AsyncIterable<U>;

/**
 * A work handler: one request in, a stream of items out.
 *
 * @example
 * class Echo implements AsyncEngine<string, string> {
 *   async *generate(request: SingleIn<string>) {
 *     yield request.data;
 *   }
 * }
 */
export interface AsyncEngine<T, U> {
  generate(request: SingleIn<T>): ManyOut<U> | Promise<ManyOut<U>>;
}
