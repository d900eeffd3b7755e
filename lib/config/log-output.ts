import type * as Pino from 'pino';
import type * as PinoPretty from 'pino-pretty';
import { log, type LogLevel } from '../internal/logger';

/**
 * Points the package's log to stderr, written synchronously so that no line is lost when the process exits: JSON lines, or
 * readable ones in colour on a terminal. pino is loaded only here and only when the level is not `off`.
 */
export function pointLog({ level, jsonl }: { readonly level: LogLevel; readonly jsonl: boolean }): void {
  if (level === 'off') return log.use('off', () => {});
  const logger = createLogger(level, jsonl);
  log.use(level, (lineLevel, fields, message) => logger[lineLevel](fields, message));
}

const STDERR = 2;

function createLogger(level: LogLevel, jsonl: boolean): Pino.Logger {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when something is logged
  const { pino } = require('pino') as typeof Pino;
  const stream = jsonl ? pino.destination({ fd: STDERR, sync: true }) : readableStream();
  return pino(
    {
      level,
      base: { name: 'profiled' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

function readableStream() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when something is logged
  const { build } = require('pino-pretty') as typeof PinoPretty;
  return build({ destination: STDERR, sync: true, colorize: process.stderr.isTTY === true });
}
