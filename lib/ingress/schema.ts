import { messageOf, ProfiledError } from '../errors';

/** One complaint of a Standard Schema. */
interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a validator that follows the Standard Schema specification (zod, valibot, arktype and others) offers. */
export interface StandardSchema<T> {
  readonly '~standard': {
    readonly validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>;
  };
}

type StandardResult<T> = { readonly value: T; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

/**
 * How a request's data is checked before the handler sees it: a Standard Schema, an object whose `parse` returns the value or
 * throws, or a function that does. What it returns is what the handler gets, so it may convert; a promise is awaited.
 */
export type RequestSchema<T> =
  StandardSchema<T> | { parse(value: unknown): T | Promise<T> } | ((value: unknown) => T | Promise<T>);

/** Checks one value: the value to use, or a throw. */
export type Validate = (value: unknown) => unknown;

/** `schema` as one function; no schema lets everything pass. @throws PROFILED_HANDLER_INVALID if it is none of the three forms */
export function validatorOf(schema: RequestSchema<unknown> | undefined): Validate {
  if (schema === undefined) return (value) => value;
  const members = schema as { '~standard'?: StandardSchema<unknown>['~standard']; parse?: Validate };
  const standard = members?.['~standard'];
  if (typeof standard?.validate === 'function') return async (value) => accepted(await standard.validate(value));
  if (typeof members?.parse === 'function') return guarded((value) => members.parse!(value));
  if (typeof schema === 'function') return guarded(schema);
  throw new ProfiledError(
    'PROFILED_HANDLER_INVALID',
    '`schema` must be a Standard Schema, an object with a `parse` method, or a function that returns the value or throws',
  );
}

function accepted(result: StandardResult<unknown>): unknown {
  if (!result.issues) return result.value;
  throw mismatch(result.issues.map(issueText).join('; '));
}

function guarded(validate: Validate): Validate {
  return async (value) => {
    try {
      return await validate(value);
    } catch (error) {
      throw mismatch(messageOf(error), error);
    }
  };
}

function mismatch(reason: string, cause?: unknown): ProfiledError {
  return new ProfiledError('PROFILED_MESSAGE_INVALID', `the request does not fit the handler's schema: ${reason}`, {
    cause,
  });
}

function issueText({ path, message }: Issue): string {
  const keys = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length > 0 ? `${keys.join('.')}: ${message}` : message;
}
