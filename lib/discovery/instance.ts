import { randomBytes } from 'node:crypto';
import type { Instance, InstanceFilter } from './discovery';

/** A random id that is not 0, of all 64 bits. */
export function randomInstanceId(): bigint {
  return randomBytes(8).readBigUInt64BE() || 1n;
}

/** The key of an instance below the bucket of instances, as upstream builds it. */
export function instanceKey({ namespace, component, endpoint, instanceId }: Instance): string {
  return `${namespace}/${component}/${endpoint}/${instanceId.toString(16)}`;
}

/** Whether `filter` picks `instance`: by whole names, so that `gen` does not pick `generate`. */
export function picks(filter: InstanceFilter, instance: Instance): boolean {
  return (
    filter.namespace === instance.namespace &&
    (filter.component ?? instance.component) === instance.component &&
    (filter.endpoint ?? instance.endpoint) === instance.endpoint
  );
}
