import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf, ProfiledError } from '../errors';
import type { StandardSet } from '../metrics/standard';
import type { Source } from './source';
import { invalid } from './values';

/** How long modules may take to be loaded, in milliseconds. */
const LIMIT_MS = 60_000;

/**
 * The standard sets of the handlers in some modules. They are loaded in a thread of their own, which is ended as soon as they are
 * known: nothing that they start goes on, and what they print goes to stderr.
 *
 * @throws PROFILED_CONFIG_INVALID when a module is not there; PROFILED_HANDLER_INVALID when one can not be loaded, or none has a
 *   handler
 */
export async function setsOfModules({ modules, preloads }: Source): Promise<readonly StandardSet[]> {
  const loaded = [...preloads.map(([, module]) => module), ...modules].join(', ');
  const worker = new Worker(join(__dirname, 'module-worker.js'), {
    workerData: modules.map(fileOf),
    // Before anything else, since a preloaded module may have handlers too.
    execArgv: ['--require', join(__dirname, 'quiet.js'), ...preloads.flat()],
    stdout: true,
  });
  worker.stdout.pipe(process.stderr);
  try {
    const sets = await answer(worker);
    if (sets.length > 0) return sets;
    throw new ProfiledError(
      'PROFILED_HANDLER_INVALID',
      `no decorated handler is in ${loaded}. Name the modules that have them.`,
    );
  } catch (error) {
    if (ProfiledError.is(error)) throw error;
    const text = `${loaded} could not be loaded: ${messageOf(error)}`;
    throw new ProfiledError('PROFILED_HANDLER_INVALID', text, { cause: error });
  } finally {
    await worker.terminate();
  }
}

/** A file by its path, or else a package as the current directory finds it. @throws PROFILED_CONFIG_INVALID */
function fileOf(module: string): string {
  const here = createRequire(resolve('profiled.js'));
  for (const name of [resolve(module), module]) {
    try {
      return here.resolve(name);
    } catch {
      continue;
    }
  }
  throw invalid(`there is no module ${JSON.stringify(module)} in ${process.cwd()}`);
}

function answer(worker: Worker): Promise<readonly StandardSet[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it took longer than ${LIMIT_MS} ms`)), LIMIT_MS);
    timer.unref();
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('it ended the process')));
  });
}
