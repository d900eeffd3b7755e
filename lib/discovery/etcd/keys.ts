import type { Instance, InstanceFilter } from '../discovery';
import { instanceKey } from '../instance';

/** What all keys of instances begin with, since Dynamo 0.6 (dynamo-protocol.md 5.1). */
export const PREFIX = 'v1/instances/';

/** The key of an instance. */
export function keyOf(instance: Instance): string {
  return PREFIX + instanceKey(instance);
}

/** What all keys begin with that `filter` can pick. It ends with `/`: whole names. */
export function prefixOf({ namespace, component, endpoint }: InstanceFilter): string {
  const names = [namespace, component, component && endpoint].filter((name) => name !== undefined);
  return `${PREFIX}${names.join('/')}/`;
}

/** The range of all keys that begin with `prefix`: up to the first that does not. */
export function rangeOf(prefix: string): { key: Buffer; range_end: Buffer } {
  const key = Buffer.from(prefix);
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1; // of a `/`, which is not the last byte that there is
  return { key, range_end: end };
}
