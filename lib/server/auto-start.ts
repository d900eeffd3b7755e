import { settingProblems, settings } from '../config/settings';
import { ProfiledError } from '../errors';
import { warn } from '../internal/warning';
import type { SystemServerInfo } from './running-server';
import { startAutomatically, systemServerState } from './system-server';
import { isSecondOfCluster } from './workers/cluster-lines';
import { joinWorkers } from './workers/workers';

/**
 * The one start hook: starts the system server if the environment asks for it, once per process and after the current tick,
 * whoever calls first. Costs next to nothing after that. A server that was started so never keeps the process alive, and a
 * failure never reaches the caller: it is shown as a `ProfiledWarning` of the process, and in the log.
 */
export function autoStart(): void {
  begin();
}

/**
 * The same for a caller who wants to know when: resolves once the server listens or it is clear that it will not, then to
 * undefined. Never rejects. Awaiting it keeps the process alive until then.
 */
export function autoStartSystemServer(): Promise<SystemServerInfo | undefined> {
  const begun = begin();
  begun.immediate.ref();
  return begun.done;
}

const ONE_OF_SEVERAL =
  'several workers of this cluster serve /metrics. If they do so on one port, a scrape meets any of them and shows its numbers alone: ' +
  'call aggregateWorkers() in the primary before it forks, or set DYN_SYSTEM_AGGREGATE_WORKERS=true and load profiled there too.';

/**
 * Keeps the environment from starting a server in this process or thread, a start that is scheduled included: for a tool that only
 * looks at handlers.
 */
export function preventAutoStart(): void {
  const state = systemServerState();
  if (state.autoStart) clearImmediate(state.autoStart.immediate);
  state.autoStart = { immediate: setImmediate(() => undefined).unref(), done: Promise.resolve(undefined) };
}

function begin() {
  const state = systemServerState();
  return (state.autoStart ??= schedule());
}

function schedule() {
  let immediate!: NodeJS.Immediate;
  const done = new Promise<SystemServerInfo | undefined>((resolve) => {
    immediate = setImmediate(() => resolve(startFromEnvironment()));
    immediate.unref();
  });
  return { immediate, done };
}

async function startFromEnvironment(): Promise<SystemServerInfo | undefined> {
  for (const problem of settingProblems()) warn(problem, 'PROFILED_CONFIG_INVALID');
  const workers = joinWorkers();
  if (!settings().system.enabled) return undefined;
  if (workers.isActive && !workers.isTop) {
    workers.leaveToTop();
    return undefined;
  }
  if (isSecondOfCluster()) warn(ONE_OF_SEVERAL, 'PROFILED_CONFIG_INVALID');
  try {
    return await startAutomatically(settings());
  } catch (thrown) {
    const error = ProfiledError.from(thrown);
    const explanation = error.message.replace(`${error.code}: `, '');
    warn(`the system server did not start: ${explanation} The handlers run on without it.`, error.code);
    return undefined;
  }
}
