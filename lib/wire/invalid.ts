import { ProfiledError } from '../errors';

/** The error for bytes that are not what they should be. `cause` is what the parser said, if it was a parser. */
export function invalidMessage(text: string, cause?: unknown): ProfiledError {
  return new ProfiledError('PROFILED_MESSAGE_INVALID', text, { cause });
}
