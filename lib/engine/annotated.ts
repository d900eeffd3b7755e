import { messageOf } from '../errors';

/** What an error item says of its error, as Dynamo's newer releases write it. */
export interface AnnotatedError {
  /** A name of Dynamo's closed set, `Unknown` when in doubt, or `{ Backend: name }`. */
  readonly error_type?: string | Readonly<Record<string, string>>;
  readonly message?: string;
  readonly caused_by?: AnnotatedError;
  readonly [other: string]: unknown;
}

/** The fields of an {@link Annotated}, each left out when there is none. */
export interface AnnotatedFields<T> {
  readonly data?: T;
  readonly id?: string;
  readonly event?: string;
  readonly comment?: readonly string[];
  readonly error?: AnnotatedError;
}

const BRAND = Symbol.for('profiled/annotated@1');

/**
 * One item of a response stream with what belongs beside the data: an id, an event name, comments, an error.
 * Serialised, it holds exactly the fields that are set: `Annotated.fromData('t')` is `{"data":"t"}` on the wire.
 */
export class Annotated<T> implements AnnotatedFields<T> {
  readonly data?: T;
  readonly id?: string;
  readonly event?: string;
  readonly comment?: readonly string[];
  readonly error?: AnnotatedError;

  constructor(fields: AnnotatedFields<T>) {
    if (fields.data !== undefined) this.data = fields.data;
    if (fields.id !== undefined) this.id = fields.id;
    if (fields.event !== undefined) this.event = fields.event;
    if (fields.comment !== undefined) this.comment = fields.comment;
    if (fields.error !== undefined) this.error = fields.error;
  }

  /** An item that carries `data` and nothing else. */
  static fromData<T>(data: T): Annotated<T> {
    return new Annotated({ data });
  }

  /**
   * An item that tells the consumer of a failure without ending the stream. It is counted as a `generate` error.
   * The text goes into `comment` and into `error`, since older readers know only the first, newer ones prefer the second.
   */
  static fromError<T = never>(error: unknown): Annotated<T> {
    const message = messageOf(error);
    return new Annotated<T>({ event: 'error', comment: [message], error: { error_type: 'Unknown', message } });
  }

  /** Whether `item` is an `Annotated`, of this or of another copy of the package. Never throws. */
  static is(item: unknown): item is Annotated<unknown> {
    try {
      return typeof item === 'object' && item !== null && BRAND in item;
    } catch {
      return false; // a proxy that refuses to be asked
    }
  }

  /** Whether `item` is an error item made by this or another copy of the package. Never throws. */
  static isError(item: unknown): boolean {
    return Annotated.is(item) && item.event === 'error';
  }

  /** True for an item whose `event` is `error`. */
  get isError(): boolean {
    return this.event === 'error';
  }

  /** The error's text, from `error` or else from `comment`; undefined when this is no error item. */
  get errorMessage(): string | undefined {
    if (!this.isError) return undefined;
    // A remote worker may have sent anything under these names.
    const [message, comment]: unknown[] = [this.error?.message, this.comment];
    if (typeof message === 'string') return message;
    return Array.isArray(comment) ? comment.join('; ') : typeof comment === 'string' ? comment : 'unknown error';
  }
}

Object.defineProperty(Annotated.prototype, BRAND, { value: true });
