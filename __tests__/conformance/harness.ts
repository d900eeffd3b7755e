import type { Discovery, InstanceTransport } from '../../lib/discovery/discovery';
import type { Annotated } from '../../lib/engine/annotated';
import type { ResponseStream } from '../../lib/engine/response-stream';
import { Admission, type AdmissionOptions } from '../../lib/ingress/admission';
import { Ingress, type IngressOptions, type ServableHandler } from '../../lib/ingress/ingress';
import { type CallLimits, type CallOptions, callInstance, resolveLimits } from '../../lib/runtime/call';
import { getRegistry } from '../../lib/metrics/store';
import { freshRegistry } from '../../lib/testing';
import type { RequestPlane, ResponsePlane, ServedTarget } from '../../lib/transports/transport';
import { eventually } from '../support/eventually';
import { type Readings, readings } from '../support/readings';

/** One process' half of a transport. */
export interface Side {
  readonly request: RequestPlane;
  readonly response: ResponsePlane;
  /** How the requester finds the worker; without it the test tells the address. */
  readonly discovery?: Discovery;
}

/**
 * What lies between sides, for a test to disturb: all that the sides opened here say to each other passes through it. Over a broker it is the
 * broker (stopped and continued, killed and started again) together with the connections of the responses.
 */
export interface Network extends AsyncDisposable {
  open(): Side;
  /** Lets everything stand still: what is sent is taken and does not arrive, and nobody is told, as if the other machine had no power. */
  stall(): void;
  /** What stood still goes on. */
  resume(): void;
  /** Breaks everything off, and lets nothing be reached. */
  down(): Promise<void>;
  /** The same addresses can be reached again. */
  up(): Promise<void>;
}

/** What the suites run on: two sides that share nothing but the network between them. */
export interface TransportUnderTest {
  readonly name: string;
  /** How many items of 64 KiB a handler may be ahead of a consumer that does not read. */
  readonly slack: number;
  open(): Side;
  network(): Network;
}

export const TARGET = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 0xfedcba9876543210n } as const;

let pairs = 0n;

/** A worker that serves one handler, and a requester that calls it. */
export class Pair<T> implements AsyncDisposable {
  readonly worker: Side;
  readonly requester: Side;
  readonly admission: Admission;
  target!: ServedTarget;
  #transport!: InstanceTransport;

  private constructor(
    transport: Pick<TransportUnderTest, 'open'>,
    handler: ServableHandler<T>,
    options: AdmissionOptions & IngressOptions<T>,
  ) {
    freshRegistry();
    this.worker = transport.open();
    this.requester = transport.open();
    const ingress = Ingress.forEngine(handler, options).addMetrics(TARGET);
    const { client } = this.worker.response;
    this.admission = new Admission(ingress, client.dial.bind(client), options);
  }

  static async open<T = string>(
    transport: Pick<TransportUnderTest, 'open'>,
    handler: ServableHandler<T>,
    options: AdmissionOptions & IngressOptions<T> = {},
  ): Promise<Pair<T>> {
    const pair = new Pair(transport, handler, options);
    const { worker, requester } = pair;
    // Over NATS an id is all that keeps two workers apart; in a discovery it is that of its process.
    const instanceId = (await worker.discovery?.instanceId()) ?? TARGET.instanceId + ++pairs;
    const target = { ...TARGET, instanceId };
    pair.target = await worker.request.server.serve(target, pair.admission.accept);
    pair.#transport = { kind: worker.request.kind, address: pair.target.address };
    if (worker.discovery && requester.discovery) {
      await worker.discovery.register({ ...target, transport: pair.#transport });
      const { snapshot, close } = await requester.discovery.watch(TARGET, () => {});
      close();
      pair.#transport = snapshot.find((instance) => instance.instanceId === instanceId)!.transport;
    }
    return pair;
  }

  call<U>(
    request: T,
    options: CallOptions = {},
    limits: Partial<CallLimits> = {},
  ): Promise<ResponseStream<Annotated<U>>> {
    return callInstance<U>(this.requester, resolveLimits(limits), { transport: this.#transport }, request, options);
  }

  /** The worker's metrics, once no request is under way. */
  async settled(): Promise<Omit<Readings, 'durationSum'>> {
    await eventually('all requests are over', () => this.admission.running === 0);
    const { durationSum: _, ...rest } = await readings(getRegistry());
    return rest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { request, response, discovery } of [this.worker, this.requester]) {
      await Promise.all([
        discovery?.close(),
        request.server.close(),
        request.client.close(),
        response.server.close(),
        response.client.close(),
      ]);
    }
    await eventually('all requests are over', () => this.admission.running === 0);
  }
}

/** The data of all items; an error item as `error: text`. */
export async function collect<U>(stream: AsyncIterable<Annotated<U>>): Promise<(U | string | undefined)[]> {
  const items: (U | string | undefined)[] = [];
  for await (const item of stream) items.push(item.isError ? `error: ${item.errorMessage}` : item.data);
  return items;
}

/** All items as they came. */
export async function itemsOf<U>(stream: AsyncIterable<Annotated<U>>): Promise<Annotated<U>[]> {
  const items: Annotated<U>[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
