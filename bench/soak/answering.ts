import { openSync, readdirSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Condition, Line } from './tasks';

const file = openSync(process.argv[2]!, 'a');

/** Keeps one line, at once: whatever ends this process, it stays. */
export function record(line: Line): void {
  writeSync(file, `${JSON.stringify(line)}\n`);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What this process takes, after a collection of garbage. */
async function condition(): Promise<Condition> {
  collectGarbage();
  // What holds something of the system is let go of a turn after it was found.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  const files = readdirSync('/proc/self/fd').length;
  return { heldMiB: (heapUsed + external) / 2 ** 20, rssMiB: rss / 2 ** 20, files };
}

/** A question of the driver and what is answered. */
export interface Question {
  readonly n: number;
  readonly op: string;
  readonly argument: unknown;
}

/** Answers the driver's questions, until it lets go of this process: then `leave` is called. */
export function answer(ops: Readonly<Record<string, (argument: never) => unknown>>, leave: () => void): void {
  const all: typeof ops = { condition, ...ops };
  process.on('message', ({ n, op, argument }: Question) => {
    const reply = (fields: object) => process.connected && process.send!({ n, ...fields });
    void Promise.resolve()
      .then(() => all[op]!(argument as never))
      .then(
        (result) => reply({ result: result ?? null }),
        (error: unknown) => reply({ error: String(error) }),
      );
  });
  process.once('disconnect', leave);
}
