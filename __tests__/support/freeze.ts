import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { eventually } from './eventually';

/** Stops a process with SIGSTOP. Resolves when none of its threads runs any more, which takes a while on a busy machine. */
export async function freeze(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP');
  const threads = `/proc/${child.pid}/task`;
  // Only Linux tells.
  if (!existsSync(threads)) return;
  await eventually('it is frozen', () => readdirSync(threads).every((id) => isStopped(`${threads}/${id}/stat`)));
}

/** The state is the first letter behind the name, which is in brackets. */
function isStopped(stat: string): boolean {
  return /^T/.test(readFileSync(stat, 'utf8').split(') ').at(-1)!);
}
