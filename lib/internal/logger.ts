/** Fields of one log line beside its message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Levels, from the most to the least talkative. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'off'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where log lines go. */
export type LogSink = (level: Exclude<LogLevel, 'off'>, fields: LogFields, message: string) => void;

/**
 * The package's log: off until someone installs a sink. The two flags are plain fields so that a hot path that logs nothing
 * pays one read: `if (log.debugEnabled) log.write('debug', {...}, '...')`.
 */
export class Log {
  debugEnabled = false;
  errorEnabled = false;
  #threshold = LOG_LEVELS.indexOf('off');
  #sink: LogSink = () => {};

  /** Sends lines of `level` and above to `sink`. */
  use(level: LogLevel, sink: LogSink): void {
    this.#threshold = LOG_LEVELS.indexOf(level);
    this.#sink = sink;
    this.debugEnabled = this.isEnabled('debug');
    this.errorEnabled = this.isEnabled('error');
  }

  isEnabled(level: LogLevel): boolean {
    return level !== 'off' && LOG_LEVELS.indexOf(level) >= this.#threshold;
  }

  write(level: Exclude<LogLevel, 'off'>, fields: LogFields, message: string): void {
    if (this.isEnabled(level)) this.#sink(level, fields, message);
  }
}

/** The one log of this copy of the package. `config` points it to where the environment says. */
export const log = new Log();
