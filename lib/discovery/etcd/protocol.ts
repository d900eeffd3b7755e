import type { MethodDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** An integer of 64 bits as its decimal digits: a JavaScript number would lose some of them. */
export type Int64 = string;

/** What etcd stands at with an answer. Its revision goes up by one with every change of any key. */
export interface Header {
  readonly cluster_id: Int64;
  readonly revision: Int64;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly mod_revision: Int64;
  readonly lease: Int64;
}

export interface WatchResponse {
  readonly header: Header;
  readonly canceled: boolean;
  readonly compact_revision: Int64;
  readonly cancel_reason: string;
  readonly events: readonly { readonly type: 'PUT' | 'DELETE'; readonly kv: KeyValue }[];
}

/** The keys from `key` on, up to and without `range_end`; `key` alone where that is absent. */
interface Range {
  readonly key: Buffer;
  readonly range_end?: Buffer | undefined;
}

/** What is used of etcd's API, version 3: its methods with what they are sent and answer. */
export interface Calls {
  Range: [Range, { readonly header: Header; readonly kvs: readonly KeyValue[] }];
  DeleteRange: [Range, object];
  /** Puts the key if it is not there; if it is, answers with it. */
  Txn: [
    {
      readonly compare: readonly [{ readonly target: 'VERSION'; readonly key: Buffer; readonly version: 0 }];
      readonly success: readonly [{ readonly request_put: Pick<KeyValue, 'key' | 'value' | 'lease'> }];
      readonly failure: readonly [{ readonly request_range: Range }];
    },
    { readonly succeeded: boolean; readonly responses: readonly { response_range?: Calls['Range'][1] }[] },
  ];
  /** Durations are whole seconds. etcd may grant a longer one than it was asked for. */
  LeaseGrant: [{ readonly ID: Int64; readonly TTL: Int64 }, { readonly TTL: Int64 }];
  LeaseRevoke: [{ readonly ID: Int64 }, object];
  /** A stream of each; one that is over has a TTL of 0. */
  LeaseKeepAlive: [{ readonly ID: Int64 }, { readonly TTL: Int64 }];
  /** A stream of each. */
  Watch: [{ readonly create_request: Range & { readonly start_revision: Int64 } }, WatchResponse];
  Authenticate: [{ readonly name: string; readonly password: string }, { readonly token: string }];
}

const field = (type: string, id: number) => ({ type, id });
const list = (type: string, id: number) => ({ rule: 'repeated' as const, type, id });
const message = (fields: Record<string, ReturnType<typeof field | typeof list>>) => ({ fields });
const oneOf = (fields: Record<string, ReturnType<typeof field>>) => ({
  fields,
  oneofs: { content: { oneof: Object.keys(fields) } },
});
const method = (name: string, stream = false) => ({
  requestType: `${name}Request`,
  responseType: `${name}Response`,
  requestStream: stream,
  responseStream: stream,
  comment: '',
});
const HEADER = field('ResponseHeader', 1);

/** Types and numbers as etcd's `rpc.proto` and `kv.proto` have them. Fields that are not here are not sent, and passed over when read. */
const API = {
  KV: { methods: { Range: method('Range'), DeleteRange: method('DeleteRange'), Txn: method('Txn') } },
  Lease: {
    methods: {
      LeaseGrant: method('LeaseGrant'),
      LeaseRevoke: method('LeaseRevoke'),
      LeaseKeepAlive: method('LeaseKeepAlive', true),
    },
  },
  Watch: { methods: { Watch: method('Watch', true) } },
  Auth: { methods: { Authenticate: method('Authenticate') } },
  ResponseHeader: message({ cluster_id: field('uint64', 1), revision: field('int64', 3) }),
  KeyValue: message({
    key: field('bytes', 1),
    mod_revision: field('int64', 3),
    value: field('bytes', 5),
    lease: field('int64', 6),
  }),
  RangeRequest: message({ key: field('bytes', 1), range_end: field('bytes', 2) }),
  RangeResponse: message({ header: HEADER, kvs: list('KeyValue', 2) }),
  PutRequest: message({ key: field('bytes', 1), value: field('bytes', 2), lease: field('int64', 3) }),
  DeleteRangeRequest: message({ key: field('bytes', 1), range_end: field('bytes', 2) }),
  DeleteRangeResponse: message({}),
  CompareTarget: { values: { VERSION: 0 } },
  Compare: message({ target: field('CompareTarget', 2), key: field('bytes', 3), version: field('int64', 4) }),
  RequestOp: oneOf({ request_range: field('RangeRequest', 1), request_put: field('PutRequest', 2) }),
  ResponseOp: oneOf({ response_range: field('RangeResponse', 1) }),
  TxnRequest: message({
    compare: list('Compare', 1),
    success: list('RequestOp', 2),
    failure: list('RequestOp', 3),
  }),
  TxnResponse: message({ succeeded: field('bool', 2), responses: list('ResponseOp', 3) }),
  LeaseGrantRequest: message({ TTL: field('int64', 1), ID: field('int64', 2) }),
  LeaseGrantResponse: message({ TTL: field('int64', 3) }),
  LeaseRevokeRequest: message({ ID: field('int64', 1) }),
  LeaseRevokeResponse: message({}),
  LeaseKeepAliveRequest: message({ ID: field('int64', 1) }),
  LeaseKeepAliveResponse: message({ TTL: field('int64', 3) }),
  WatchCreateRequest: message({
    key: field('bytes', 1),
    range_end: field('bytes', 2),
    start_revision: field('int64', 3),
  }),
  WatchRequest: oneOf({ create_request: field('WatchCreateRequest', 1) }),
  WatchResponse: message({
    header: HEADER,
    canceled: field('bool', 4),
    compact_revision: field('int64', 5),
    cancel_reason: field('string', 6),
    events: list('Event', 11),
  }),
  EventType: { values: { PUT: 0, DELETE: 1 } },
  Event: message({ type: field('EventType', 1), kv: field('KeyValue', 2) }),
  AuthenticateRequest: message({ name: field('string', 1), password: field('string', 2) }),
  AuthenticateResponse: message({ token: field('string', 2) }),
};

/** One method as the gRPC client takes it: its path, and how to write and read its messages. */
export type Method<M extends keyof Calls> = Pick<
  MethodDefinition<Calls[M][0], Calls[M][1]>,
  'path' | 'requestSerialize' | 'responseDeserialize'
>;

const definitions = fromJSON(
  { nested: { etcdserverpb: { nested: API } } },
  { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
);

export const METHODS = Object.assign(
  {},
  ...['KV', 'Lease', 'Watch', 'Auth'].map((service) => definitions[`etcdserverpb.${service}`]),
) as { readonly [M in keyof Calls]: Method<M> };
