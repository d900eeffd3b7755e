/** What a handler returned, as far as it decides how the request is followed to its end. */
export type Shape = 'value' | 'promise' | 'readable' | 'web-stream' | 'async-iterable' | 'iterable';

type Members = Record<PropertyKey, unknown>;

/**
 * The shape of `value`, told from what it can do. Nothing is called or consumed.
 *
 * An iterable that knows its size (`length`, `size` or `byteLength`: arrays, maps, sets, typed arrays, most collection classes)
 * is a value; any other iterable is a stream. A Node `Readable` and a Web `ReadableStream` are told by their methods, so those
 * of another realm or of a polyfill count too.
 */
export function shapeOf(value: unknown): Shape {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return 'value';
  const members = value as Members;
  if (typeof members[Symbol.asyncIterator] === 'function') {
    if (typeof members.pipe === 'function' && typeof members.read === 'function' && typeof members.on === 'function') {
      return 'readable';
    }
    if (typeof members.getReader === 'function' && typeof members.pipeTo === 'function') return 'web-stream';
    return 'async-iterable';
  }
  if (typeof members.then === 'function') return 'promise';
  if (typeof members[Symbol.iterator] === 'function' && !knowsItsSize(members)) return 'iterable';
  return 'value';
}

function knowsItsSize(members: Members): boolean {
  return (
    typeof members.length === 'number' || typeof members.size === 'number' || typeof members.byteLength === 'number'
  );
}
