/** A client of the soak, a process of its own: callers that ask for one thing after the other, and write down what they got. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Annotated, Context, DistributedRuntime, ProfiledError } from '../../lib/index';
import { answer, record } from './answering';
import { type CallEnd, type Kind, KINDS, LEAVES_AFTER, taskOf } from './tasks';

const CALLERS = 10;
/** The kinds again, as often as they are asked for. */
const MIX: readonly Kind[] = [...KINDS, 'short', 'short', 'short', 'medium', 'medium', 'medium', 'long'];
/** How long a caller rests after a failure, in milliseconds. */
const REST_MS = 100;

type Ending = readonly [how: CallEnd, items: number, detail?: string];
type Client = Awaited<ReturnType<typeof open>>;
type Stream = Awaited<ReturnType<Client['random']>>;

const [, , , name] = process.argv;
let calls = 0;
let isOver = false;

function open(runtime: DistributedRuntime) {
  const limits = { ackTimeoutMs: 3_000, handshakeTimeoutMs: 3_000, firstFrameTimeoutMs: 3_000 };
  return runtime.endpoint('soak.worker.run').client<unknown, { n: number }>(limits);
}

/** Reads a stream to its end, or as far as its kind wants it. */
async function read(
  stream: Stream,
  kind: Kind,
  expected: number,
  cut: AbortController,
  context: Context<unknown>,
): Promise<Ending> {
  let items = 0;
  for await (const item of stream) {
    if (Annotated.isError(item)) {
      const text = item.errorMessage ?? 'no text';
      return [text.includes('as asked') ? 'handler error' : 'broken', items, text];
    }
    if (item.data?.n !== items++) return ['wrong', items, JSON.stringify(item)];
    if (items !== LEAVES_AFTER) continue;
    if (kind === 'leave') return ['broken off', items];
    if (kind === 'stop') context.stopGenerating();
    if (kind === 'abort') cut.abort();
  }
  if (kind === 'stop' && context.isStopped) return ['broken off', items];
  return items === expected ? ['whole', items] : ['wrong', items, `of ${expected} items`];
}

/** One call and its one end. True if it went as its kind wants it. */
async function call(client: Client, kind: Kind, instanceId?: bigint): Promise<boolean> {
  const task = taskOf(`${name}-${++calls}`, kind);
  const cut = new AbortController();
  const context = new Context<unknown>(undefined);
  const options = { context, signal: cut.signal };
  record({ at: 'call', id: task.id, kind, ms: Date.now() });
  let ending: Ending;
  try {
    const stream = await (instanceId === undefined
      ? client.roundRobin(task, options)
      : client.direct(task, instanceId, options));
    ending = await read(stream, kind, task.items, cut, context);
  } catch (error) {
    ending = endingOf(error, cut);
  }
  const [how, items, detail = ''] = ending;
  record({ at: 'end', id: task.id, how, items, ms: Date.now(), detail });
  return !['failed', 'broken', 'wrong'].includes(how);
}

function endingOf(error: unknown, cut: AbortController): Ending {
  if (!ProfiledError.is(error)) return ['wrong', 0, String(error)];
  if (error.code === 'PROFILED_CANCELLED' && cut.signal.aborted) return ['broken off', LEAVES_AFTER];
  if (error.code === 'PROFILED_REMOTE_ERROR') return ['remote error', 0, error.message];
  return [error.code === 'PROFILED_UNKNOWN' ? 'wrong' : 'failed', 0, error.message];
}

async function callAgainAndAgain(client: Client): Promise<void> {
  while (!isOver) {
    const kind = MIX[Math.floor(Math.random() * MIX.length)]!;
    if (!(await call(client, kind))) await sleep(REST_MS);
  }
}

async function main(): Promise<void> {
  const runtime = await DistributedRuntime.fromSettings();
  const client = await open(runtime);
  let running: Promise<unknown> = Promise.resolve();
  const stop = () => {
    isOver = true;
    return running;
  };
  const reach = async (ids: string[]) =>
    (await Promise.all(ids.map((id) => call(client, 'short', BigInt(id))))).every(Boolean);
  const start = () => void (running = Promise.all(Array.from({ length: CALLERS }, () => callAgainAndAgain(client))));
  answer({ start, reach, stop: () => stop().then(() => null) }, () => void stop().then(() => runtime.shutdown()));
  process.send!({ port: 0, instanceId: '' });
}

void main();
