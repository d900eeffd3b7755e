import type { Registry } from 'prom-client';
import type { ProfiledError, ProfiledOptions } from '../../lib';
import { deferred, type Deferred } from '../../lib/internal/deferred';
import { sample } from '../../lib/testing';
import { handlerOf } from './handler';

/** What the calls of a handler with a limit leave behind: those that wait, that were let in, and that were refused. */
export async function door(registry: Registry) {
  const value = async (name: string, labels = {}) => (await sample(registry, name, { endpoint: 'ep', ...labels }))!;
  return {
    queued: await value('queued_requests'),
    letIn: await value('queue_wait_seconds_count'),
    full: await value('rejected_requests_total', { reason: 'queue_full' }),
    timeout: await value('rejected_requests_total', { reason: 'timeout' }),
  };
}

/** A handler whose calls note that they began, and end when the test says so. */
export function limited(options: ProfiledOptions) {
  const log: string[] = [];
  const gates = new Map<string, Deferred<void>>();
  const gate = (name: string) => {
    if (!gates.has(name)) gates.set(name, deferred());
    return gates.get(name)!;
  };
  const made = (name: string) => {
    log.push(`begin ${name}`);
    return gate(name).promise.then(() => void log.push(`end ${name}`));
  };
  const end = (name: string) => gate(name).resolve();
  const promises = handlerOf(async (name: unknown) => {
    await made(name as string);
    return name;
  }, options);
  return { ...promises, log, end };
}

/** Resolves to what `promise` rejects with. */
export function failure(promise: Promise<unknown>): Promise<ProfiledError> {
  return promise.then(
    (value) => {
      throw new Error(`it did not fail: ${String(value)}`);
    },
    (error: ProfiledError) => error,
  );
}
