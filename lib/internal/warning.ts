import { log } from './logger';

/**
 * Tells the operator of something that is wrong and that nobody asked for in so many words: as a `ProfiledWarning` of the process,
 * which shows even when the log is off, and in the log.
 */
export function warn(message: string, code: string): void {
  process.emitWarning(message, { type: 'ProfiledWarning', code });
  log.write('error', { code }, message);
}
