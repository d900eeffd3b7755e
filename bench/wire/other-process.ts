import { readFileSync } from 'node:fs';

/** Ticks of the kernel's accounting in a second (`getconf CLK_TCK`, 100 wherever Node runs on Linux). */
const TICKS = 100;

/** CPU milliseconds that a process has used, user and system, all its threads, to ten milliseconds. */
export function cpuOf(pid: number): number {
  // The second field is the program's name in parentheses, which may hold anything.
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS) * 1_000;
}

/** Bytes of memory that a process has in use. */
export function rssOf(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kib) * 1024;
}
