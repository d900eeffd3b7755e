import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { currentStore, getRegistry } from '../metrics/store';

/** Loads files one after the other, then answers with what they measure. */
async function answer(files: readonly string[]): Promise<void> {
  for (const file of files) await load(file);
  getRegistry();
  // The thread is ended when the answer is there, and what was printed before would be lost.
  await new Promise((resolve) => process.stdout.write('', resolve));
  parentPort!.postMessage(currentStore().standardSets);
}

async function load(file: string): Promise<void> {
  try {
    createRequire(file)(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_REQUIRE_ESM' && code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    await import(pathToFileURL(file).href);
  }
}

void answer(workerData as readonly string[]);
