import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { createChannel, createClient, createServer } from 'nice-grpc';
import type { Task } from '../cases';
import { generate, type Item } from '../handler';
import type { Peer } from '../peer';

/** `message Task { uint32 items = 1; uint32 size = 2; bool gated = 3; }` as ts-proto generates it. */
function encodeTask({ items, size, gated = false }: Task): Uint8Array {
  const writer = new BinaryWriter().uint32(8).uint32(items).uint32(16).uint32(size);
  return writer.uint32(24).bool(gated).finish();
}

function decodeTask(bytes: Uint8Array): Task {
  const reader = new BinaryReader(bytes);
  const task = { items: 0, size: 0, gated: false };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 8) task.items = reader.uint32();
    else if (tag === 16) task.size = reader.uint32();
    else if (tag === 24) task.gated = reader.bool();
    else reader.skip(tag & 7);
  }
  return task;
}

/** `message Item { string data = 1; }` */
function encodeItem({ data }: Item): Uint8Array {
  return new BinaryWriter().uint32(10).string(data).finish();
}

function decodeItem(bytes: Uint8Array): Item {
  const reader = new BinaryReader(bytes);
  const item = { data: '' };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 10) item.data = reader.string();
    else reader.skip(tag & 7);
  }
  return item;
}

const SERVICE = {
  generate: {
    path: '/bench.Wire/Generate',
    requestStream: false,
    responseStream: true,
    requestSerialize: encodeTask,
    requestDeserialize: decodeTask,
    responseSerialize: encodeItem,
    responseDeserialize: decodeItem,
    options: {},
  },
} as const;

export const peer: Peer = {
  title: 'nice-grpc',
  async serve() {
    const server = createServer();
    server.add(SERVICE, {
      generate: (task: Task, { signal }: { signal: AbortSignal }) => generate(task, signal, (data) => ({ data })),
    });
    const port = await server.listen('127.0.0.1:0');
    return { address: `127.0.0.1:${port}`, pids: [], isWorker: true, close: async () => server.forceShutdown() };
  },
  async connect(address) {
    const channel = createChannel(address);
    const client = createClient(SERVICE, channel);
    return {
      read: async (task, onItem) => {
        for await (const { data } of client.generate(task)) if (!onItem(data)) break;
      },
      close: async () => channel.close(),
    };
  },
};
