import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Lets the event loop turn until `condition` holds; fails after `limitMs` with what was waited for. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

setFlagsFromString('--expose-gc');
/** Collects garbage now. */
export const collectGarbage = runInNewContext('gc') as () => void;

/** The same, collecting garbage between turns: for what only happens once something is collected. */
export function eventuallyCollected(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  return eventually(what, () => {
    collectGarbage();
    return condition();
  });
}
