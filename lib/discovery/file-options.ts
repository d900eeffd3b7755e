import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ProfiledError } from '../errors';
import { MAX_TIMER_MS } from '../internal/clock';
import { kindOf } from '../wire/fields';
import { BUCKET } from './file-record';

/** Settings of `FileDiscovery`. Every process of a cluster needs the same root; the times suit Dynamo's own as they are. */
export interface FileDiscoveryOptions {
  /**
   * The directory of the store, made if it is not there: on this machine, or on a file system that all of them share and whose
   * clocks agree. Relative to the working directory. Dynamo has it in `DYN_FILE_KV`. @default '<temporary directory>/dynamo_store_kv'
   */
  readonly root?: string | undefined;
  /**
   * How old a file may grow before its instance counts as gone, in milliseconds. Dynamo's processes always count 10 seconds, and
   * delete what is older: change it only where there are none. @default 10000
   */
  readonly ttlMs?: number | undefined;
  /**
   * How often this process touches its files, in milliseconds; at most half of `ttlMs`. @default 3000, or a third of `ttlMs` if
   * that is less
   */
  readonly touchIntervalMs?: number | undefined;
  /**
   * How often a watch lists the bucket although no event came, in milliseconds: how late a new instance is seen on a file system
   * that tells nothing of other machines. @default as `touchIntervalMs`
   */
  readonly listIntervalMs?: number | undefined;
}

/** The options with nothing left open. */
export interface ResolvedFileOptions {
  readonly root: string;
  /** The directory that holds the files of instances. */
  readonly bucket: string;
  readonly ttlMs: number;
  readonly touchIntervalMs: number;
  readonly listIntervalMs: number;
}

/** @throws PROFILED_CONFIG_INVALID for a root that is no text, a time that is no positive number, or touching too seldom */
export function resolveFileOptions(options: FileDiscoveryOptions): ResolvedFileOptions {
  const { root = join(tmpdir(), 'dynamo_store_kv'), ttlMs = 10_000 } = options;
  if (typeof root !== 'string' || root.trim() === '') throw invalid('root', 'the path of a directory', root);
  const { touchIntervalMs = Math.min(3_000, ttlMs / 3) } = options;
  const { listIntervalMs = touchIntervalMs } = options;
  for (const [name, value] of Object.entries({ ttlMs, touchIntervalMs, listIntervalMs })) {
    if (value > 0 && value <= MAX_TIMER_MS) continue;
    throw invalid(name, `a number of milliseconds above 0, at most ${MAX_TIMER_MS}`, value);
  }
  if (touchIntervalMs > ttlMs / 2) {
    throw invalid(
      'touchIntervalMs',
      `at most half of \`ttlMs\` (${ttlMs}), so that one late touch is no loss`,
      touchIntervalMs,
    );
  }
  const absolute = resolve(root);
  return { root: absolute, bucket: join(absolute, ...BUCKET), ttlMs, touchIntervalMs, listIntervalMs };
}

function invalid(name: string, expected: string, value: unknown): ProfiledError {
  const got = typeof value === 'number' ? String(value) : kindOf(value);
  return new ProfiledError('PROFILED_CONFIG_INVALID', `\`${name}\` of file discovery must be ${expected}, got ${got}`);
}
