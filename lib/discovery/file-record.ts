import { asObject, asOneOf, asText, optional } from '../wire/fields';
import { invalidMessage } from '../wire/invalid';
import { parseBigJson, stringifyBigJson } from '../wire/json';
import type { Instance, InstanceFilter, InstanceTransport } from './discovery';
import { instanceKey } from './instance';

/** The bucket of instances below the root (dynamo-protocol.md 5.3). */
export const BUCKET = ['v1', 'instances'] as const;

/** Files that begin so are being written: never read. In the bucket they are upstream's, below the root ours. */
export const TEMPORARY = '.tmp_';

/** The planes of upstream records that are understood here; others, such as the `http` of old releases, are passed over. */
const PLANES = ['tcp', 'nats_tcp'] as const;

const MAX_U64 = 2n ** 64n - 1n;

/** Below the bucket every byte but ASCII letters and digits is `%XX` in upper case: `/`, `-`, `_` and `.` as well. */
export function fileNameOf(key: string): string {
  return encodeURIComponent(key).replace(/[-_.!~*'()]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What the names of all files begin with that `filter` can pick. */
export function prefixOf({ namespace, component, endpoint }: InstanceFilter): string {
  const known = component === undefined ? [namespace] : [namespace, component];
  if (component !== undefined && endpoint !== undefined) known.push(endpoint);
  return fileNameOf(`${known.join('/')}/`);
}

/** Whether a record can hold `instance`: the memory plane has no address that another process could use. */
export function isRecordable({ transport: { kind } }: Instance): boolean {
  return PLANES.some((plane) => plane === kind);
}

/** The record of an instance, in a file or elsewhere: JSON with the fields of Dynamo 0.7 and later in their order, the id a plain integer. */
export function encodeRecord(instance: Instance): string {
  const { namespace, component, endpoint, instanceId, transport, requestPlaneCodec } = instance;
  return stringifyBigJson({
    type: 'Endpoint',
    component,
    endpoint,
    namespace,
    instance_id: instanceId,
    transport: { [transport.kind]: transport.address },
    ...(requestPlaneCodec && { request_plane_codec: requestPlaneCodec }),
  });
}

/**
 * What the record of that name says; `nameOf` makes names of keys. Undefined for a record of another type and for an instance on a plane that is not known here: both are
 * right, and not for us. Fields that are not known are passed over.
 * @throws PROFILED_MESSAGE_INVALID for anything else, a name that tells of another instance than the content among it
 */
export function decodeRecord(name: string, text: string, nameOf = fileNameOf): Instance | undefined {
  const record = asObject(parseBigJson(text, 'the record'), 'the record');
  if (asText(record.type, '`type`') !== 'Endpoint') return undefined;
  const transport = transportOf(asObject(record.transport, '`transport`'));
  if (!transport) return undefined;
  const instance: Instance = Object.freeze({
    namespace: asText(record.namespace, '`namespace`'),
    component: asText(record.component, '`component`'),
    endpoint: asText(record.endpoint, '`endpoint`'),
    instanceId: asInstanceId(record.instance_id),
    transport: Object.freeze(transport),
    requestPlaneCodec: optional(record.request_plane_codec, asCodec),
  });
  if (nameOf(instanceKey(instance)) !== name) {
    throw invalidMessage(`the record is that of ${instanceKey(instance)}, which is not what it is named after`);
  }
  return instance;
}

/** Whether two records of one name lead to the same worker in the same way. */
export function isSameInstance(one: Instance, other: Instance): boolean {
  return (
    one.transport.kind === other.transport.kind &&
    one.transport.address === other.transport.address &&
    one.requestPlaneCodec === other.requestPlaneCodec
  );
}

function transportOf(fields: Record<string, unknown>): InstanceTransport | undefined {
  const kind = PLANES.find((plane) => plane in fields);
  return kind && { kind, address: asText(fields[kind], `\`transport.${kind}\``) };
}

function asCodec(value: unknown): 'json' | 'msgpack' {
  return asOneOf(value, ['json', 'msgpack'] as const, '`request_plane_codec`');
}

function asInstanceId(value: unknown): bigint {
  const id = typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value as bigint | number) : -1n;
  if (id < 0n || id > MAX_U64) throw invalidMessage('`instance_id` must be an integer of 64 bits without a sign');
  return id;
}
